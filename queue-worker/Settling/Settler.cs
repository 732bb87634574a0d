using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Settling;

/// <summary>
/// Turns a verdict into writes: a retry copy, or what the call's end leaves behind (stored result, callback record, dead letter); then the ack. The order is
/// the failure table's (docs/delivery-states.md). A write that fails is written again under the lease; the function is not run again for it unless the stream refuses
/// for longer than a slot may be held.
/// </summary>
internal sealed class Settler(
    QueueWorkerOptions options, RecordWriter writer, StoredResults results, CallbackRecords callbacks, DeadLetters deadLetters, Acks acks, CallHistory history, TimeProvider time)
{
    private const int BadGateway = 502;
    private const int GatewayTimeout = 504;

    /// <summary>Deliveries of the message that may have ended with a worker, this one included.</summary>
    public int UnsettledDeliveries(Delivery delivery) => acks.UnsettledDeliveries(delivery);

    /// <summary>Whether the outcome can be told by a callback record.</summary>
    public bool FitsCallback(Envelope envelope, Outcome outcome) => envelope.Callback is null || callbacks.Fits(envelope, outcome);

    /// <summary>Ends a delivery after its send.</summary>
    /// <param name="delivery">The delivery.</param>
    /// <param name="envelope">Its envelope.</param>
    /// <param name="outcome">What happened.</param>
    /// <param name="verdict">What follows from it.</param>
    /// <param name="sent">When it was sent.</param>
    /// <param name="isTold">Whether its callback has come to its end already.</param>
    /// <param name="ct">Cancelled when the process ends: the delivery is then left to redelivery.</param>
    public async Task SettleAsync(Delivery delivery, Envelope envelope, Outcome outcome, Verdict verdict, DateTimeOffset sent, bool isTold, CancellationToken ct)
    {
        if (verdict.Kind == VerdictKind.Retry)
        {
            await RetryAsync(delivery, envelope, outcome, verdict.After, sent, ct);
            return;
        }

        var biography = verdict.Kind == VerdictKind.Succeeded ? null : Biography(envelope, outcome, verdict, sent);
        await EndAsync(delivery, envelope, new CallEnd(outcome, biography) { Last = Past(outcome, sent), ResultSize = outcome.BodyLength, IsTold = isTold }, ct);
    }

    /// <summary>Ends a delivery whose caller cancelled it, before or while it ran; its caller is told so.</summary>
    public Task CancelAsync(Delivery delivery, Envelope envelope, Outcome outcome, DateTimeOffset sent, CancellationToken ct)
    {
        var wasSent = outcome.Duration > TimeSpan.Zero;
        var biography = new Biography
        {
            Reason = DeadReasons.Cancelled,
            Status = wasSent ? outcome.Status : null,
            Attempts = wasSent ? envelope.Attempt : envelope.Attempt - 1,
            FirstAt = envelope.FirstAt ?? (wasSent ? sent : envelope.Submitted),
            LastAt = time.GetUtcNow(),
        };
        return EndAsync(delivery, envelope, new CallEnd(Unanswered(outcome, biography), biography, DeadKind.Cancelled) { Last = wasSent ? Past(outcome, sent) : null }, ct);
    }

    /// <summary>Ends a delivery that is not sent, for its time is over or its workers died; its caller is told so.</summary>
    public Task EndUnsentAsync(Delivery delivery, Envelope envelope, DeadKind kind, string reason, CancellationToken ct)
    {
        var biography = new Biography
        {
            Reason = reason,
            Attempts = envelope.Attempt - 1,
            FirstAt = envelope.FirstAt ?? envelope.Submitted,
            LastAt = time.GetUtcNow(),
        };
        var outcome = new Outcome { Kind = OutcomeKind.Failed, Status = kind == DeadKind.Expired ? GatewayTimeout : BadGateway };
        return EndAsync(delivery, envelope, new CallEnd(Unanswered(outcome, biography), biography, kind), ct);
    }

    /// <summary>Ends a message that is none of ours.</summary>
    public async Task EndForeignAsync(Delivery delivery, string error, CancellationToken ct)
    {
        await deadLetters.StoreForeignAsync(delivery, error, ct);
        await acks.AckAsync(delivery, ct);
    }

    /// <summary>Ends a delivery whose handling threw.</summary>
    public Task FailAsync(Delivery delivery, Exception fault, CancellationToken ct) => acks.FailAsync(delivery, fault, EndForeignAsync, ct);

    /// <summary>
    /// Puts a call aside whose function is paused or cannot be reached (R21 of docs/delivery-states.md); it uses no attempt, and nothing waits for it here. If it
    /// is not stored, the delivery is still to be ended.
    /// </summary>
    public Task<WriteResult> HoldAsync(Delivery delivery, Envelope envelope, CancellationToken ct)
    {
        var subject = StreamNames.AsideSubject(options.Queue, AsideGroup.Held(envelope.FunctionName), envelope.Priority, envelope.FunctionName);
        var id = StreamNames.HoldMessageId(envelope.DeliveryId, envelope.Redrive, envelope.Attempt, delivery.Place.Sequence);
        return acks.ReplaceAsync(delivery, new StreamMessage(subject, id, [new(EnvelopeCodec.HeaderName, EnvelopeCodec.Encode(envelope))], delivery.Body), ct);
    }

    /// <summary>Ends a delivery whose copy may be stored or not. False for any other, which is to be handled.</summary>
    public ValueTask<bool> EndInDoubtAsync(Delivery delivery, CancellationToken ct) => acks.EndInDoubtAsync(delivery, ct);

    /// <summary>Naks a message; it uses no attempt.</summary>
    public Task NakAsync(Delivery delivery, Envelope? envelope, TimeSpan delay, CancellationToken ct) => acks.NakAsync(delivery, envelope, delay, ct);

    /// <summary>Naks a message that only a newer worker understands.</summary>
    public Task NakNewerAsync(Delivery delivery, CancellationToken ct) => acks.NakNewerAsync(delivery, ct);

    private async Task RetryAsync(Delivery delivery, Envelope envelope, Outcome outcome, TimeSpan after, DateTimeOffset sent, CancellationToken ct)
    {
        var decided = time.GetTimestamp();

        // The copy takes the call's place in the stream: the envelope, not a consumer's state, knows when and how often.
        var next = envelope with
        {
            Attempt = envelope.Attempt + 1,
            NotBefore = time.GetUtcNow() + after,
            FirstAt = envelope.FirstAt ?? sent,
            PastAttempts = PastAttempt.Add(envelope.PastAttempts, Past(outcome, sent)),
        };
        var id = StreamNames.RetryMessageId(envelope.DeliveryId, envelope.Redrive, next.Attempt);
        var copy = CopyOf(delivery, next, id);
        copy = writer.Fits(copy) ? copy : CopyOf(delivery, next with { PastAttempts = null }, id);
        switch (await acks.ReplaceAsync(delivery, copy, ct))
        {
            case WriteResult.Stored or WriteResult.Duplicate:
                break;
            case WriteResult.TooLarge:
                var verdict = new Verdict(VerdictKind.Exhausted);
                var biography = Biography(envelope, outcome, verdict, sent) with { Error = "its copy to be sent again is too large for the stream" };
                await EndAsync(delivery, envelope, new CallEnd(outcome, biography) { Last = Past(outcome, sent), ResultSize = outcome.BodyLength }, ct);
                break;
            default:
                await acks.NakRefusedAsync(delivery, after - time.GetElapsedTime(decided), ct);
                break;
        }
    }

    private static StreamMessage CopyOf(Delivery delivery, Envelope envelope, string id) =>
        new(delivery.Subject, id, [new(EnvelopeCodec.HeaderName, EnvelopeCodec.Encode(envelope))], delivery.Body);

    private static PastAttempt Past(Outcome outcome, DateTimeOffset sent) =>
        new() { At = sent, Status = outcome.Status, Seconds = Math.Round(outcome.Duration.TotalSeconds, 6), Error = outcome.Error };

    private async Task EndAsync(Delivery delivery, Envelope envelope, CallEnd end, CancellationToken ct)
    {
        await results.StoreAsync(envelope, end.Told, end.State, ct);
        if (envelope.Callback is not null && !end.IsTold)
        {
            await TellAsync(envelope, end, ct);
        }

        if (end.Biography is { } biography)
        {
            await deadLetters.StoreAsync(delivery, envelope, end.Kind, biography, ct);
        }

        await acks.AckAsync(delivery, ct);
        Metrics.Ended(options.Queue, envelope, end.Word);
        history.Ended(envelope, end, delivery.Body.Length);
    }

    private async Task TellAsync(Envelope envelope, CallEnd end, CancellationToken ct)
    {
        // A call that ends before a send counts as often as it was sent.
        var told = envelope with { Attempt = Math.Max(1, end.Biography?.Attempts ?? envelope.Attempt) };
        var isExhausted = end.Biography?.Reason == DeadReasons.Exhausted;
        if (!await callbacks.StoreAsync(told, end.Told, isExhausted, ct))
        {
            var record = callbacks.Record(told, end.Told, isExhausted);
            var untold = Untold();
            await deadLetters.StoreCallbackAsync(told with { Headers = [] }, record, untold, default, ct);
            history.ToldOrNot(told, record with { Attempt = 0 }, CallbackStates.Refused, null, untold);
        }
    }

    private Biography Untold() => new()
    {
        Reason = DeadReasons.CallbackRefused,
        FirstAt = time.GetUtcNow(),
        LastAt = time.GetUtcNow(),
        Error = "its record is too large for the stream",
    };

    // No status says how such a call ended.
    private static Outcome Unanswered(Outcome outcome, Biography biography) =>
        outcome with { Headers = [new Header(CallHeaders.CallState, biography.Reason)], Body = default, BodyLength = 0 };

    private Biography Biography(Envelope envelope, Outcome outcome, Verdict verdict, DateTimeOffset sent) => new()
    {
        Reason = verdict.Kind == VerdictKind.Exhausted ? DeadReasons.Exhausted : DeadReasons.Failed,
        Status = outcome.Status,
        Attempts = envelope.Attempt,
        FirstAt = envelope.FirstAt ?? sent,
        LastAt = time.GetUtcNow(),
        Error = outcome.Error,
    };
}

/// <summary>How a call ended.</summary>
/// <param name="Told">What its caller is told.</param>
/// <param name="Biography">What its dead letter tells; null if it succeeded.</param>
/// <param name="Kind">Which end the dead letter records.</param>
internal sealed record CallEnd(Outcome Told, Biography? Biography = null, DeadKind Kind = DeadKind.Call)
{
    /// <summary>Its last send; null if it ended without one.</summary>
    public PastAttempt? Last { get; init; }

    /// <summary>Whether its callback has come to its end already.</summary>
    public bool IsTold { get; init; }

    /// <summary>Length of the function's answer.</summary>
    public long ResultSize { get; init; }

    /// <summary>The state of its stored result.</summary>
    public string State => Biography?.Reason ?? StoredResult.Succeeded;

    /// <summary>Its word in the metric: succeeded, dead, cancelled or expired.</summary>
    public string Word => Biography is null ? StoredResult.Succeeded : Kind == DeadKind.Call ? "dead" : Kind.ToString().ToLowerInvariant();
}
