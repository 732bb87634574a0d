using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Settling;

/// <summary>Writes down what became of a callback: nothing, a copy to post later, or a dead letter; then the record's ack.</summary>
internal sealed class CallbackSettler(QueueWorkerOptions options, StreamWriter writer, DeadLetters deadLetters, HandBack handBack, TimeProvider time)
{
    /// <summary>The receiver has it.</summary>
    public Task DoneAsync(Delivery delivery, CancellationToken ct) => handBack.AckAsync(delivery, ct);

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
        if (await writer.StoreUnlessFullAsync(copy, ct) == WriteResult.Stored)
        {
            await handBack.AckAsync(delivery, ct);
        }
        else
        {
            await handBack.ReturnAsync(delivery, null, after, ct);
        }
    }

    /// <summary>Given up: a dead letter tells.</summary>
    public async Task GiveUpAsync(
        Delivery delivery, Envelope envelope, CallbackRecord record, string reason, int? status, string? error, CancellationToken ct)
    {
        await deadLetters.StoreCallbackAsync(Subject(envelope), envelope, record, Biography(record, reason, status, error), delivery.Body, ct);
        await handBack.AckAsync(delivery, ct);
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
        await handBack.AckAsync(delivery, ct);
    }

    /// <summary>Gives a record back, to be delivered after the delay.</summary>
    public Task ReturnAsync(Delivery delivery, TimeSpan delay, CancellationToken ct) => handBack.ReturnAsync(delivery, null, delay, ct);

    /// <summary>Gives a record back that only a newer worker understands.</summary>
    public Task ReturnNewerAsync(Delivery delivery, CancellationToken ct) => handBack.ReturnNewerAsync(delivery, ct);

    private string Subject(Envelope envelope) => StreamNames.DeadSubject(options.Queue, DeadKind.Callback, envelope.FunctionName);

    private Biography Biography(CallbackRecord record, string reason, int? status, string? error) =>
        new() { Reason = reason, Status = status, Attempts = record.Attempt, FirstAt = record.Since, LastAt = time.GetUtcNow(), Error = error };
}
