using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Settling;

/// <summary>Writes outcomes down for their callbacks, so that telling them never depends on running the function again.</summary>
internal sealed class CallbackRecords(QueueWorkerOptions options, RecordWriter writer, TimeProvider time)
{
    private static readonly Header Dropped = new(CallHeaders.ResultDropped, "size");

    /// <summary>Whether the outcome fits into one message of the stream.</summary>
    public bool Fits(Envelope envelope, Outcome outcome) => writer.Fits(Message(envelope, Record(envelope, outcome, isExhausted: false), outcome.Body));

    /// <summary>Stores the record if the call asked for a callback; returns once the stream has it. False means that it takes no form of it.</summary>
    public async Task<bool> StoreAsync(Envelope envelope, Outcome outcome, bool isExhausted, CancellationToken ct)
    {
        if (envelope.Callback is null)
        {
            return true;
        }

        var record = Record(envelope, outcome, isExhausted);
        return await writer.StoreAsync(
            [
                Message(envelope, record, outcome.Body),
                Message(envelope, WithoutBody(record), default),
                Message(envelope with { Path = "", Query = "", Unknown = null }, WithoutHeaders(record), default),
            ],
            ct);
    }

    /// <summary>The record of an outcome; that of the last of a call's attempts says that there are no more, whatever is allowed now.</summary>
    public CallbackRecord Record(Envelope envelope, Outcome outcome, bool isExhausted) => new()
    {
        Status = outcome.Status,
        Headers = outcome.IsBodyKept ? outcome.Headers : [.. outcome.Headers, Dropped],
        Seconds = outcome.Duration.TotalSeconds,
        Attempts = isExhausted ? envelope.Attempt : (envelope.Retry?.Over(options.Dispatch.Retry) ?? options.Dispatch.Retry).Attempts,
        Since = time.GetUtcNow(),
    };

    /// <summary>The record of a result whose body was too large.</summary>
    public static CallbackRecord WithoutBody(CallbackRecord record) =>
        record.Headers.Contains(Dropped) ? record : record with { Headers = [.. record.Headers, Dropped] };

    /// <summary>The record of a result whose headers were too large, too.</summary>
    public static CallbackRecord WithoutHeaders(CallbackRecord record) => record with { Headers = [Dropped], Posts = null, Unknown = null };

    private StreamMessage Message(Envelope envelope, CallbackRecord record, ReadOnlyMemory<byte> body) => new(
        StreamNames.CallbackSubject(options.Queue, envelope.FunctionName),
        StreamNames.CallbackMessageId(envelope.DeliveryId, envelope.Redrive),
        [new(EnvelopeCodec.HeaderName, EnvelopeCodec.Encode(envelope with { Headers = [], PastAttempts = null })), new(CallbackRecord.HeaderName, record.Encode())],
        body);
}
