using Connectors.QueueWorker.Callbacks;
using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Dispatching;

/// <summary>Takes one delivery of a call from its envelope to its end: intake, send, verdict, settlement.</summary>
internal sealed class Dispatcher(
    QueueWorkerOptions options, CallSender sender, Pauses pauses, Breakers breakers, OversizeCallbacks oversize, Settler settler, TimeProvider time, Random random) : IDeliveryHandler
{
    // What was asked for before a pause of the queue, and comes after it: so long that it does not go round among workers that asked too.
    private static readonly TimeSpan PausedWait = TimeSpan.FromSeconds(1);

    // Until there is room for what is put aside.
    private static readonly TimeSpan HoldWait = TimeSpan.FromSeconds(5);

    // A timer counts in whole milliseconds and drops what is beyond: with one more, no call is early.
    private static readonly TimeSpan TimerStep = TimeSpan.FromMilliseconds(1);

    // A copy that is written again; one send; the result, if it is too large for a record, told directly; then the records: callback, dead letter, and the one of
    // a callback given up.
    public TimeSpan Limit { get; } =
        options.Dispatch.UpstreamTimeout + OversizeCallbacks.MaxAge + options.Callbacks.Timeout + (4 * RecordWriter.Patience(options));

    /// <summary>What an outcome says of how many calls its function takes at once.</summary>
    public static Load LoadOf(Outcome outcome) => outcome switch
    {
        { Kind: OutcomeKind.Succeeded } => Load.Took,
        { IsOutOfReach: true } or { Status: 429 } => Load.Refused,
        _ => Load.Unknown,
    };

    public async Task<Handled> HandleAsync(Delivery delivery, Grace grace)
    {
        if (await settler.EndInDoubtAsync(delivery, grace.Writes))
        {
            return new Handled();
        }

        var intake = Intake.Judge(
            delivery.Envelope, delivery.EnvelopeError, delivery.Subject, settler.UnsettledDeliveries(delivery), delivery.Count, options.Dispatch.Retry, time.GetUtcNow());
        if (intake is { Kind: IntakeKind.Run or IntakeKind.WorkerLost, Envelope: { } call })
        {
            return await RunAsync(delivery, call, intake, grace);
        }

        await (intake switch
        {
            { Kind: IntakeKind.Newer } => settler.NakNewerAsync(delivery, grace.Writes),
            { Kind: IntakeKind.Early, Envelope: { } envelope } => settler.NakAsync(delivery, envelope, intake.Wait, grace.Writes),
            { Kind: IntakeKind.Expired, Envelope: { } envelope } => settler.EndUnsentAsync(delivery, envelope, DeadKind.Expired, DeadReasons.Expired, grace.Writes),
            _ => settler.EndForeignAsync(delivery, intake.Error, grace.Writes),
        });
        return intake.Kind is IntakeKind.Expired or IntakeKind.Foreign ? await EndedUnsentAsync(delivery, IsProbe(delivery), grace) : new Handled();
    }

    public Task NakAsync(Delivery delivery, CancellationToken ct) => settler.NakAsync(delivery, delivery.Envelope, TimeSpan.Zero, ct);

    public Task FailAsync(Delivery delivery, Exception fault, CancellationToken ct) => settler.FailAsync(delivery, fault, ct);

    private async Task<Handled> RunAsync(Delivery delivery, Envelope envelope, Intake intake, Grace grace)
    {
        if (intake.Wait > TimeSpan.Zero)
        {
            await Task.Delay(intake.Wait + TimerStep, time, grace.Sends);
        }

        var (maySend, isProbe) = await MaySendAsync(delivery, envelope, grace);
        if (!maySend)
        {
            return new Handled();
        }

        // Only now: what is put aside instead of being sent risks no worker.
        if (intake.Kind == IntakeKind.WorkerLost)
        {
            await settler.EndUnsentAsync(delivery, envelope, DeadKind.Call, DeadReasons.WorkerLost, grace.Writes);
            return await EndedUnsentAsync(delivery, isProbe, grace);
        }

        var sent = time.GetUtcNow();
        var outcome = await sender.SendAsync(envelope, delivery.Body, grace.Sends);
        if (outcome.Kind == OutcomeKind.Aborted)
        {
            return await AbortedAsync(delivery, envelope, outcome, sent, isProbe, grace);
        }

        if (await breakers.HoldsAsync(envelope, outcome, grace.Writes))
        {
            await HoldAsync(delivery, envelope, sent, grace);
            return new Handled(LoadOf(outcome));
        }

        var verdict = (envelope.Retry?.Over(options.Dispatch.Retry) ?? options.Dispatch.Retry).Decide(outcome, envelope.Attempt, random);
        var isTold = verdict.Kind != VerdictKind.Retry && !settler.FitsCallback(envelope, outcome)
            && await oversize.SendAsync(envelope, outcome, verdict.Kind == VerdictKind.Exhausted, grace);
        await settler.SettleAsync(delivery, envelope, outcome, verdict, sent, isTold, grace.Writes);

        // Failed without an answer: it cannot be written as a request.
        return outcome is { Kind: OutcomeKind.Failed, HasAnswerBegun: false } ? await EndedUnsentAsync(delivery, isProbe, grace) : new Handled(LoadOf(outcome));
    }

    // Whether a call is to be sent, and whether it is a probe then. One that is not to be sent has been nakked, or put aside: its queue or its function is paused,
    // or its function's breaker is open.
    private async ValueTask<(bool MaySend, bool IsProbe)> MaySendAsync(Delivery delivery, Envelope envelope, Grace grace)
    {
        await pauses.LoadedAsync(grace.Sends);
        if (pauses.IsQueuePaused)
        {
            await settler.NakAsync(delivery, envelope, PausedWait, grace.Writes);
            return (false, false);
        }

        var isPaused = pauses.IsPaused(envelope.FunctionName);
        var isOpen = pauses.BreakerOf(envelope.FunctionName) is not null;
        var isProbe = isOpen && IsProbe(delivery);
        if (!isPaused && (!isOpen || isProbe))
        {
            return (true, isProbe);
        }

        var held = await settler.HoldAsync(delivery, envelope, grace.Writes);
        if (held is WriteResult.Stored or WriteResult.Duplicate)
        {
            return (false, false);
        }

        // Where nothing can be put aside, nothing may come back from there to see whether the function is back: one that had to stay does. Not one that may
        // lie there all the same.
        if (!isPaused && held != WriteResult.Unknown && await pauses.TryClaimProbeAsync(envelope.FunctionName, grace.Writes))
        {
            return (true, true);
        }

        await settler.NakAsync(delivery, envelope, HoldWait, grace.Writes);
        return (false, false);
    }

    // It did not reach its function, and waits as it came until it can.
    private async Task HoldAsync(Delivery delivery, Envelope envelope, DateTimeOffset sent, Grace grace)
    {
        var held = await settler.HoldAsync(delivery, envelope with { FirstAt = envelope.FirstAt ?? sent }, grace.Writes);
        if (held is not (WriteResult.Stored or WriteResult.Duplicate))
        {
            await settler.NakAsync(delivery, envelope, HoldWait, grace.Writes);
        }
    }

    // By a worker that stops, or by its caller's wish.
    private async Task<Handled> AbortedAsync(Delivery delivery, Envelope envelope, Outcome outcome, DateTimeOffset sent, bool isProbe, Grace grace)
    {
        if (!sender.IsCancelled(envelope))
        {
            await settler.NakAsync(delivery, envelope, TimeSpan.Zero, grace.Writes);
            return new Handled();
        }

        await settler.CancelAsync(delivery, envelope, outcome, sent, grace.Writes);
        return await EndedUnsentAsync(delivery, isProbe && outcome.Duration == TimeSpan.Zero, grace);
    }

    private static bool IsProbe(Delivery delivery) => delivery.Header(CallHeaders.Probe) is not null;

    // A probe that was not sent says nothing of its function: its right is the next call's. Last of all, for no call's end is to hang on it.
    private async Task<Handled> EndedUnsentAsync(Delivery delivery, bool isProbe, Grace grace)
    {
        if (isProbe && StreamNames.FunctionOf(delivery.Subject) is { } function)
        {
            await pauses.ReleaseProbeAsync(function, grace.Writes);
        }

        return new Handled();
    }
}

/// <summary>What is to be done with a delivery before anything is sent. Pure; docs/delivery-states.md says why the deliveries are counted so.</summary>
internal readonly record struct Intake(IntakeKind Kind, Envelope? Envelope = null, TimeSpan Wait = default, string Error = "")
{
    /// <summary>Deliveries without a verdict after which no further worker is risked.</summary>
    public const int MaxLost = 5;

    /// <summary>A wait so short that a nak would cost more.</summary>
    public static readonly TimeSpan ShortWait = TimeSpan.FromMilliseconds(50);

    /// <summary>By how much the clocks of two workers may differ without one of them being wrong.</summary>
    private static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(1);

    /// <summary>The longest nak of a delayed call that came before its time.</summary>
    private static readonly TimeSpan MaxEarly = TimeSpan.FromMinutes(10);

    /// <param name="envelope">The message's envelope; null if it has none.</param>
    /// <param name="error">Why it has none.</param>
    /// <param name="subject">The subject that the message stands on.</param>
    /// <param name="unsettled">Deliveries of the message so far that can mean a lost worker, this one included.</param>
    /// <param name="count">All deliveries of the message so far, this one included.</param>
    /// <param name="retry">How failed calls are sent again, unless their functions have it otherwise.</param>
    /// <param name="now">The time.</param>
    public static Intake Judge(Envelope? envelope, string error, string subject, int unsettled, int count, RetryPolicy retry, DateTimeOffset now)
    {
        if (envelope is null)
        {
            return new Intake(IntakeKind.Foreign, Error: error);
        }

        if (envelope.Version > Envelope.CurrentVersion)
        {
            return new Intake(IntakeKind.Newer, envelope);
        }

        if (!StreamNames.IsOf(subject, envelope.FunctionName))
        {
            return new Intake(IntakeKind.Foreign, envelope, Error: $"the envelope is of {envelope.FunctionName}, the subject of another function");
        }

        // A greatest age of zero is none, and the deadline that earlier gateways made of it is none either.
        if (!(envelope.Retry?.MaxAge <= TimeSpan.Zero) && (envelope.Deadline <= now || now - envelope.AgeFrom >= envelope.Retry?.MaxAge))
        {
            return new Intake(IntakeKind.Expired, envelope);
        }

        var wait = envelope.NotBefore > now ? envelope.NotBefore.Value - now : TimeSpan.Zero;
        var max = envelope.Attempt > 1 ? MaxWait(envelope.Retry?.Over(retry) ?? retry) : MaxEarly;
        if (wait > max + (envelope.Attempt > 1 ? ClockSkew : TimeSpan.Zero))
        {
            // Of a retry no two clocks that are right can say so: this one, or that of the worker that set the time, is wrong. One nak, by the server's timer,
            // stands for the wait. A call's own time is its own, but who brought it back from aside thought that it had come: this clock may soon be set.
            wait = envelope.Attempt > 1 && count > 1 ? TimeSpan.Zero : max;
        }

        return wait > ShortWait
            ? new Intake(IntakeKind.Early, envelope, wait)
            : new Intake(unsettled > MaxLost + Acks.AllowedNaks(envelope) ? IntakeKind.WorkerLost : IntakeKind.Run, envelope, wait);
    }

    private static TimeSpan MaxWait(RetryPolicy retry) => retry.MaxWait > retry.MinWait ? retry.MaxWait : retry.MinWait;
}

/// <summary>The kinds of <see cref="Intake"/>.</summary>
internal enum IntakeKind
{
    /// <summary>Send it, after a wait too short to nak it for.</summary>
    Run,

    /// <summary>Its time has not come: nak it with the rest of the wait.</summary>
    Early,

    /// <summary>A newer version of the envelope: for a newer worker.</summary>
    Newer,

    /// <summary>Its deadline passed.</summary>
    Expired,

    /// <summary>The workers that it was delivered to never came to a verdict.</summary>
    WorkerLost,

    /// <summary>Not ours.</summary>
    Foreign,
}
