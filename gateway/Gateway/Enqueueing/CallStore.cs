using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;

namespace Connectors.Gateway.Enqueueing;

/// <summary>Stores calls and callback records, and answers only once the stream has them: a 202 is never false.</summary>
internal sealed class CallStore(StreamPublisher publisher, StreamSetup streams, QueueOptions options)
{
    // How often a write with a message id is tried within nats_publish_timeout when answers are lost.
    private const int Tries = 4;

    /// <summary>Stores a call. Throws <see cref="NotStoredException"/> unless it is known to be stored.</summary>
    public Task<StoredCall> StoreAsync(string queue, Envelope envelope, string encoded, ReadOnlyMemory<byte> body, string? messageId) => StoreAsync(
        StreamShape.Calls(queue, options.Limits),
        new StreamMessage(StreamNames.CallSubject(queue, envelope.Priority, envelope.FunctionName), messageId, [new(EnvelopeCodec.HeaderName, encoded)], body));

    /// <summary>Stores the record of a callback.</summary>
    public Task<StoredCall> StoreCallbackAsync(string queue, Envelope envelope, CallbackRecord record, ReadOnlyMemory<byte> body, string messageId) => StoreAsync(
        StreamShape.Callbacks(queue, options.Limits),
        new StreamMessage(
            StreamNames.CallbackSubject(queue, envelope.FunctionName),
            messageId,
            [new(EnvelopeCodec.HeaderName, EnvelopeCodec.Encode(envelope)), new(CallbackRecord.HeaderName, record.Encode())],
            body));

    private async Task<StoredCall> StoreAsync(StreamShape stream, StreamMessage message)
    {
        var terms = new WriteTerms(options.PublishTimeout)
        {
            TryTimeout = message.Id is null ? options.PublishTimeout : options.PublishTimeout / Tries,
            Prepare = (isMissing, ct) => streams.EnsureOnceAsync(stream, isMissing, ct),
        };
        var write = await publisher.WriteAsync(message, terms, CancellationToken.None);
        return write.Result switch
        {
            WriteResult.Stored or WriteResult.Duplicate when write.Stream != stream.Name =>
                throw new ConfigurationException($"stream {stream.Name}: {message.Subject} is taken by the stream {write.Stream}. Take that subject from it, or choose another queue"),
            WriteResult.Stored or WriteResult.Duplicate => new StoredCall(write.Result == WriteResult.Duplicate),
            WriteResult.TooLarge => throw new NatsPayloadTooLargeException(write.Reason),
            WriteResult.Full => throw new NotStoredException($"the queue is full: {write.Reason}"),
            WriteResult.Refused => throw new NotStoredException(write.Reason),
            _ => throw new NotStoredException($"{write.Reason}: it is not known whether the call was stored; repeating it with the same Idempotency-Key is safe"),
        };
    }
}

/// <summary>A call that is in its stream.</summary>
/// <param name="IsDuplicate">Whether the stream had it before.</param>
internal readonly record struct StoredCall(bool IsDuplicate);
