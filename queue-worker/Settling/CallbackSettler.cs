using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Settling;

/// <summary>Writes down what became of a callback: nothing, a copy to post later, or a dead letter; then the record's ack.</summary>
internal sealed class CallbackSettler(QueueWorkerOptions options, StreamPublisher publisher, DeadLetters deadLetters, Acks acks, TimeProvider time)
{
    /// <summary>The receiver has it.</summary>
    public Task DoneAsync(Delivery delivery, CancellationToken ct) => acks.AckAsync(delivery, ct);

    /// <summary>To be posted again after a wait.</summary>
    public async Task RetryAsync(Delivery delivery, Envelope envelope, CallbackRecord record, TimeSpan after, CancellationToken ct)
    {
        var next = record with { Attempt = record.Attempt + 1, NotBefore = time.GetUtcNow() + after };
        var id = StreamNames.CallbackRetryMessageId(envelope.DeliveryId, envelope.Redrive, next.Attempt, next.Redrive);
        var copy = new StreamMessage(
            delivery.Subject,
            id,
            [new(EnvelopeCodec.HeaderName, delivery.Header(EnvelopeCodec.HeaderName) ?? ""), new(CallbackRecord.HeaderName, next.Encode())],
            delivery.Body);
        if ((await publisher.StoreUnlessFullAsync(copy, ct)).IsStored)
        {
            await acks.AckAsync(delivery, ct);
        }
        else
        {
            await acks.NakAsync(delivery, null, after, ct);
        }
    }

    /// <summary>Given up: a dead letter tells.</summary>
    public async Task GiveUpAsync(
        Delivery delivery, Envelope envelope, CallbackRecord record, string reason, int? status, string? error, CancellationToken ct)
    {
        await deadLetters.StoreCallbackAsync(Subject(envelope), envelope, record, Biography(record, reason, status, error), delivery.Body, ct);
        await acks.AckAsync(delivery, ct);
    }

    /// <summary>Given up without a record of its own: what was too large for one is told without its body, and the call goes on to its own end.</summary>
    public Task GiveUpOversizeAsync(Envelope envelope, CallbackRecord record, string reason, int? status, string? error, CancellationToken ct)
    {
        var bodiless = record with { Headers = [.. record.Headers, new Header(WellKnownHeaders.ResultDropped, "size")] };
        return deadLetters.StoreCallbackAsync(Subject(envelope), envelope with { Headers = [] }, bodiless, Biography(record, reason, status, error), default, ct);
    }

    /// <summary>Not a callback record.</summary>
    public async Task EndForeignAsync(Delivery delivery, string error, CancellationToken ct)
    {
        await deadLetters.StoreForeignAsync(delivery, error, ct);
        await acks.AckAsync(delivery, ct);
    }

    /// <summary>Naks a record, to be delivered after the delay.</summary>
    public Task NakAsync(Delivery delivery, TimeSpan delay, CancellationToken ct) => acks.NakAsync(delivery, null, delay, ct);

    /// <summary>Naks a record that only a newer worker understands.</summary>
    public Task NakNewerAsync(Delivery delivery, CancellationToken ct) => acks.NakNewerAsync(delivery, ct);

    private string Subject(Envelope envelope) => StreamNames.DeadSubject(options.Queue, DeadKind.Callback, envelope.FunctionName);

    private Biography Biography(CallbackRecord record, string reason, int? status, string? error) =>
        new() { Reason = reason, Status = status, Attempts = record.Attempt, FirstAt = record.Since, LastAt = time.GetUtcNow(), Error = error };
}

/// <summary>Writes outcomes down for their callbacks, so that telling them never depends on running the function again.</summary>
internal sealed class CallbackRecords(QueueWorkerOptions options, StreamPublisher publisher, TimeProvider time)
{
    /// <summary>Whether the outcome fits into one message of the stream.</summary>
    public bool Fits(Envelope envelope, Outcome outcome) => publisher.Fits(Message(envelope, outcome));

    /// <summary>Stores the record if the call asked for a callback; returns once the stream has it.</summary>
    public Task StoreAsync(Envelope envelope, Outcome outcome, CancellationToken ct) =>
        envelope.Callback is null ? Task.CompletedTask : publisher.StoreForSureAsync(Message(envelope, outcome), ct);

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
