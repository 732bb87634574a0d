using Connectors.Sdk.Envelopes;
using Connectors.Sdk.Invocation;

namespace Connectors.QueueWorker.Settling;

/// <summary>
/// Writes a verdict down: stored result, callback record, then dead letter or retry copy, then the ack. The order is the failure table's (docs/delivery-states.md);
/// a write that fails is written again under the lease, and the function is not run again for it.
/// </summary>
internal sealed class Settler(StoredResults results, CallbackRecords callbacks, DeadLetters deadLetters, RetryCopies retries, HandBack handBack, CallEnds ends, TimeProvider time)
{
    /// <summary>Deliveries of the message that may have ended with a worker, this one included.</summary>
    public int Suspicious(Delivery delivery) => handBack.Suspicious(delivery);

    /// <summary>Whether the outcome can be told by a callback record.</summary>
    public bool FitsCallback(Envelope envelope, Outcome outcome) => envelope.Callback is null || callbacks.Fits(envelope, outcome);

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

        await results.StoreAsync(envelope, outcome, StateOf(verdict), ct);
        await callbacks.StoreAsync(envelope, outcome, ct);
        if (verdict.Kind != VerdictKind.Succeeded)
        {
            await deadLetters.StoreAsync(delivery, envelope, DeadKind.Call, Biography(envelope, outcome, verdict, sent), ct);
        }

        await handBack.AckAsync(delivery, ct);
        ends.Count(envelope.FunctionName, verdict.Kind == VerdictKind.Succeeded ? "succeeded" : "dead");
    }

    /// <summary>Ends a delivery whose caller cancelled it, before or while it ran; the callback says so.</summary>
    public async Task CancelAsync(Delivery delivery, Envelope envelope, Outcome outcome, DateTimeOffset sent, CancellationToken ct)
    {
        var wasSent = outcome.Duration > TimeSpan.Zero;
        var told = outcome with { Headers = [new Header(WellKnownHeaders.CallState, DeadReasons.Cancelled)], Body = default, BodyLength = 0 };
        var biography = new Biography
        {
            Reason = DeadReasons.Cancelled,
            Status = wasSent ? outcome.Status : null,
            Attempts = wasSent ? envelope.Attempt : envelope.Attempt - 1,
            FirstAt = envelope.FirstAt ?? (wasSent ? sent : envelope.Submitted),
            LastAt = time.GetUtcNow(),
        };
        await results.StoreAsync(envelope, told, DeadReasons.Cancelled, ct);
        await callbacks.StoreAsync(envelope, told, ct);
        await deadLetters.StoreAsync(delivery, envelope, DeadKind.Cancelled, biography, ct);
        await handBack.AckAsync(delivery, ct);
        ends.Count(envelope.FunctionName, "cancelled");
    }

    /// <summary>Ends a delivery that is not sent.</summary>
    public async Task EndAsync(Delivery delivery, Envelope envelope, DeadKind kind, string reason, CancellationToken ct)
    {
        var biography = new Biography
        {
            Reason = reason,
            Attempts = envelope.Attempt - 1,
            FirstAt = envelope.FirstAt ?? envelope.Submitted,
            LastAt = time.GetUtcNow(),
        };
        await results.StoreAsync(envelope, new Outcome { Kind = OutcomeKind.Failed, Status = 0 }, reason, ct);
        await deadLetters.StoreAsync(delivery, envelope, kind, biography, ct);
        await handBack.AckAsync(delivery, ct);
        ends.Count(envelope.FunctionName, kind == DeadKind.Call ? "dead" : kind.ToString().ToLowerInvariant());
    }

    /// <summary>Ends a message that is none of ours.</summary>
    public async Task EndForeignAsync(Delivery delivery, string error, CancellationToken ct)
    {
        await deadLetters.StoreForeignAsync(delivery, error, ct);
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

    private static string StateOf(Verdict verdict) => verdict.Kind switch
    {
        VerdictKind.Succeeded => StoredResult.Succeeded,
        VerdictKind.Exhausted => DeadReasons.Exhausted,
        _ => DeadReasons.Failed,
    };

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
