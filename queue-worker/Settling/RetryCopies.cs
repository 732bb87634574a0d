using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Settling;

/// <summary>Writes the copy of a call that is to be sent again: the envelope, not a consumer's state, knows when and how often.</summary>
internal sealed class RetryCopies(StreamWriter writer, TimeProvider time)
{
    /// <summary>Stores the copy, which takes the call's place in the stream.</summary>
    public Task<WriteResult> StoreAsync(Delivery delivery, Envelope envelope, TimeSpan after, DateTimeOffset sent, CancellationToken ct)
    {
        var next = envelope with
        {
            Attempt = envelope.Attempt + 1,
            NotBefore = time.GetUtcNow() + after,
            FirstAt = envelope.FirstAt ?? sent,
        };
        var id = StreamNames.RetryMessageId(envelope.DeliveryId, envelope.Redrive, next.Attempt);
        return writer.StoreUnlessFullAsync(new StreamMessage(delivery.Subject, id, [new(EnvelopeCodec.HeaderName, EnvelopeCodec.Encode(next))], delivery.Body), ct);
    }
}
