using System.Collections.Concurrent;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Settling;

/// <summary>Writes down what became of a callback: nothing, a copy to post later, or a dead letter; then the record's ack.</summary>
internal sealed class CallbackSettler(RecordWriter writer, DeadLetters deadLetters, Acks acks, CallHistory history, TimeProvider time)
{
    private const int MaxFaults = 5;
    private const int MaxRemembered = 10_000;
    private static readonly TimeSpan FaultWait = TimeSpan.FromSeconds(5);

    // How often the handling of a record threw here. Its deliveries do not tell: it may have been put off any number of times.
    private readonly ConcurrentDictionary<MessagePlace, int> _faults = new();

    /// <summary>The receiver has it.</summary>
    public async Task DoneAsync(Delivery delivery, Envelope envelope, CallbackRecord record, int status, CancellationToken ct)
    {
        await AckAsync(delivery, ct);
        history.ToldOrNot(envelope, record, CallbackStates.Delivered, status);
    }

    /// <summary>The receiver has what was too large for a record.</summary>
    public void OversizeDone(Envelope envelope, CallbackRecord record, int status) => history.ToldOrNot(envelope, record, CallbackStates.Delivered, status);

    /// <summary>To be posted again after a wait.</summary>
    public async Task RetryAsync(Delivery delivery, Envelope envelope, CallbackRecord record, TimeSpan after, CancellationToken ct)
    {
        var decided = time.GetTimestamp();
        var next = record with { Attempt = record.Attempt + 1, NotBefore = time.GetUtcNow() + after };
        var id = StreamNames.CallbackRetryMessageId(envelope.DeliveryId, envelope.Redrive, next.Attempt, next.Redrive);
        var copy = CopyOf(delivery, next, id);
        copy = writer.Fits(copy) ? copy : CopyOf(delivery, next with { Posts = null }, id);
        switch (await acks.ReplaceAsync(delivery, copy, ct))
        {
            case WriteResult.Stored or WriteResult.Duplicate:
                _faults.TryRemove(delivery.Place, out _);
                break;
            case WriteResult.TooLarge:
                await GiveUpAsync(delivery, envelope, record, DeadReasons.CallbackRefused, null, "its copy to be posted later is too large for the stream", ct);
                break;
            default:
                await acks.NakAsync(delivery, null, after - time.GetElapsedTime(decided), ct);
                break;
        }
    }

    /// <summary>Ends a delivery whose copy may be stored or not. False for any other, which is to be posted.</summary>
    public ValueTask<bool> EndInDoubtAsync(Delivery delivery, CancellationToken ct) => acks.EndInDoubtAsync(delivery, ct);

    /// <summary>Given up: a dead letter tells.</summary>
    public async Task GiveUpAsync(
        Delivery delivery, Envelope envelope, CallbackRecord record, string reason, int? status, string? error, CancellationToken ct)
    {
        var biography = Biography(record, reason, status, error);
        await deadLetters.StoreCallbackAsync(envelope, record, biography, delivery.Body, ct);
        await AckAsync(delivery, ct);
        history.ToldOrNot(envelope, record, State(reason), status, biography);
    }

    /// <summary>Given up without a record of its own: what was too large for one is told without its body, and the call goes on to its own end.</summary>
    public async Task GiveUpOversizeAsync(Envelope envelope, CallbackRecord record, string reason, int? status, string? error, CancellationToken ct)
    {
        var biography = Biography(record, reason, status, error);
        await deadLetters.StoreCallbackAsync(envelope with { Headers = [], PastAttempts = null }, CallbackRecords.WithoutBody(record), biography, default, ct);
        history.ToldOrNot(envelope, record, State(reason), status, biography);
    }

    /// <summary>Not a callback record.</summary>
    public async Task EndForeignAsync(Delivery delivery, string error, CancellationToken ct)
    {
        await deadLetters.StoreForeignAsync(delivery, error, ct);
        await AckAsync(delivery, ct);
    }

    /// <summary>Naks a record, to be delivered after the delay.</summary>
    public Task NakAsync(Delivery delivery, TimeSpan delay, CancellationToken ct) => acks.NakAsync(delivery, null, delay, ct);

    /// <summary>Naks a record that only a newer worker understands.</summary>
    public Task NakNewerAsync(Delivery delivery, CancellationToken ct) => acks.NakNewerAsync(delivery, ct);

    /// <summary>
    /// Ends a delivery whose handling threw. What could not be written down is given back until there is somebody to take it; a fault of ours gets some more tries,
    /// and then is the record's own.
    /// </summary>
    public Task FailAsync(Delivery delivery, Exception fault, CancellationToken ct)
    {
        if (fault is NotStoredException)
        {
            return acks.FailAsync(delivery, fault, EndForeignAsync, ct);
        }

        if (_faults.Count >= MaxRemembered)
        {
            _faults.Clear();
        }

        return _faults.AddOrUpdate(delivery.Place, 1, (_, faults) => faults + 1) < MaxFaults
            ? acks.NakAsync(delivery, null, FaultWait, ct)
            : EndForeignAsync(delivery, $"it cannot be handled: {fault.Message}", ct);
    }

    private Task AckAsync(Delivery delivery, CancellationToken ct)
    {
        _faults.TryRemove(delivery.Place, out _);
        return acks.AckAsync(delivery, ct);
    }

    private static StreamMessage CopyOf(Delivery delivery, CallbackRecord record, string id) => new(
        delivery.Subject,
        id,
        [new(EnvelopeCodec.HeaderName, delivery.Header(EnvelopeCodec.HeaderName) ?? ""), new(CallbackRecord.HeaderName, record.Encode())],
        delivery.Body);

    private static string State(string reason) => reason == DeadReasons.CallbackExpired ? CallbackStates.Expired : CallbackStates.Refused;

    private Biography Biography(CallbackRecord record, string reason, int? status, string? error) =>
        new() { Reason = reason, Status = status, Attempts = record.Attempt, FirstAt = record.Since, LastAt = time.GetUtcNow(), Error = error };
}
