using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Settling;

/// <summary>Turns a verdict into writes: a retry copy, or what the call's end leaves behind; then the ack.</summary>
internal sealed class Settler(EndRecords records, RetryCopies retries, HandBack handBack, CallEnds ends, TimeProvider time)
{
    private const int BadGateway = 502;
    private const int GatewayTimeout = 504;

    /// <summary>Deliveries of the message that may have ended with a worker, this one included.</summary>
    public int Suspicious(Delivery delivery) => handBack.Suspicious(delivery);

    /// <summary>Whether the outcome can be told by a callback record.</summary>
    public bool FitsCallback(Envelope envelope, Outcome outcome) => records.FitsCallback(envelope, outcome);

    /// <summary>Ends a delivery after its send.</summary>
    /// <param name="delivery">The delivery.</param>
    /// <param name="envelope">Its envelope.</param>
    /// <param name="outcome">What happened.</param>
    /// <param name="verdict">What follows from it.</param>
    /// <param name="sent">When it was sent.</param>
    /// <param name="ct">Cancelled when the process ends: the delivery is then left to redelivery.</param>
    public async Task SettleAsync(Delivery delivery, Envelope envelope, Outcome outcome, Verdict verdict, DateTimeOffset sent, CancellationToken ct)
    {
        if (verdict.Kind == VerdictKind.Retry)
        {
            await RetryAsync(delivery, envelope, verdict.After, sent, ct);
            return;
        }

        await EndAsync(delivery, envelope, new CallEnd(outcome, verdict.Kind == VerdictKind.Succeeded ? null : Biography(envelope, outcome, verdict, sent)), ct);
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
        return EndAsync(delivery, envelope, new CallEnd(Unanswered(outcome, biography), biography, DeadKind.Cancelled), ct);
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
        await records.StoreForeignAsync(delivery, error, ct);
        await handBack.AckAsync(delivery, ct);
    }

    /// <summary>Gives a message back without using an attempt.</summary>
    public Task ReturnAsync(Delivery delivery, Envelope? envelope, TimeSpan delay, CancellationToken ct) =>
        handBack.ReturnAsync(delivery, envelope, delay, ct);

    /// <summary>Gives a message back that only a newer worker understands.</summary>
    public Task ReturnNewerAsync(Delivery delivery, CancellationToken ct) => handBack.ReturnNewerAsync(delivery, ct);

    private async Task RetryAsync(Delivery delivery, Envelope envelope, TimeSpan after, DateTimeOffset sent, CancellationToken ct)
    {
        if (await retries.StoreAsync(delivery, envelope, after, sent, ct) == WriteResult.Full)
        {
            await handBack.ReturnRefusedAsync(delivery, after, ct);
            return;
        }

        await handBack.AckAsync(delivery, ct);
    }

    private async Task EndAsync(Delivery delivery, Envelope envelope, CallEnd end, CancellationToken ct)
    {
        await records.StoreAsync(delivery, envelope, end, ct);
        await handBack.AckAsync(delivery, ct);
        ends.Count(envelope.FunctionName, end);
    }

    // No status says how such a call ended.
    private static Outcome Unanswered(Outcome outcome, Biography biography) =>
        outcome with { Headers = [new Header(WellKnownHeaders.CallState, biography.Reason)], Body = default, BodyLength = 0 };

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
