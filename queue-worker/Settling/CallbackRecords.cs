using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Settling;

/// <summary>Writes outcomes down for their callbacks, so that telling them never depends on running the function again.</summary>
internal sealed class CallbackRecords(QueueWorkerOptions options, StreamWriter writer, TimeProvider time)
{
    /// <summary>Whether the outcome fits into one message of the stream.</summary>
    public bool Fits(Envelope envelope, Outcome outcome) => writer.Fits(Message(envelope, outcome));

    /// <summary>Stores the record if the call asked for a callback; returns once the stream has it.</summary>
    public Task StoreAsync(Envelope envelope, Outcome outcome, CancellationToken ct) =>
        envelope.Callback is null ? Task.CompletedTask : writer.StoreForSureAsync(Message(envelope, outcome), ct);

    /// <summary>The record of an outcome.</summary>
    public CallbackRecord Record(Envelope envelope, Outcome outcome) => new()
    {
        Status = outcome.Status,
        Headers = outcome.IsBodyKept ? outcome.Headers : [.. outcome.Headers, new Header(WellKnownHeaders.ResultDropped, "size")],
        Seconds = outcome.Duration.TotalSeconds,
        Attempts = (envelope.Retry?.Attempts ?? options.Dispatch.Retry.Attempts),
        Since = time.GetUtcNow(),
    };

    private StreamMessage Message(Envelope envelope, Outcome outcome) => new(
        StreamNames.CallbackSubject(options.Queue, envelope.FunctionName),
        StreamNames.CallbackMessageId(envelope.DeliveryId, envelope.Redrive),
        [
            new(EnvelopeCodec.HeaderName, EnvelopeCodec.Encode(envelope with { Headers = [] })),
            new(CallbackRecord.HeaderName, Record(envelope, outcome).Encode()),
        ],
        outcome.Body);
}
