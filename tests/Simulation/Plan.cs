using Connectors.Streams.Records;
using CsCheck;

namespace Connectors.Simulation.Tests;

/// <summary>All that happens from outside in one run; times are milliseconds after the start.</summary>
/// <param name="Seed">Of latencies, and with them of the order in which what is under way arrives.</param>
/// <param name="IsFunctionMode">Whether each function has a consumer, and the scheduler and limiter share the slots out.</param>
/// <param name="Workers">How many.</param>
/// <param name="Slots">Of calls, and of callbacks, in each.</param>
/// <param name="Calls">What callers ask for.</param>
/// <param name="Faults">What breaks.</param>
internal sealed record Plan(int Seed, bool IsFunctionMode, int Workers, int Slots, CallPlan[] Calls, Fault[] Faults)
{
    public const int Functions = 3;

    private static readonly Gen<Answer> Answers = Gen.Select(
        Gen.Frequency((12, Gen.Const(200)), (3, Gen.Const(500)), (2, Gen.Const(429)), (1, Gen.Const(404)), (1, Gen.Const(0))),
        Gen.Frequency((12, Gen.Int[0, 50]), (2, Gen.Int[2500, 4500]), (1, Gen.Const(5600))),
        (status, takes) => new Answer(status, takes));

    private static readonly Gen<CallPlan> OneCall = Gen.Select(
        Gen.Int[0, 1500],
        Gen.Int[0, Functions - 1],
        Gen.Frequency((4, Gen.Const(false)), (1, Gen.Const(true))),
        Answers.Array[1, 3],
        Gen.Frequency((1, Gen.Const(Array.Empty<Answer>())), (1, Answers.Array[1, 3])),
        Gen.Frequency((6, Gen.Const(-1)), (1, Gen.Int[0, 3000])),
        Gen.Frequency((6, Gen.Const(-1)), (1, Gen.Int[200, 6000])),
        Gen.Frequency((6, Gen.Const(-1)), (1, Gen.Int[100, 2500])),
        (at, function, isHigh, answers, callback, cancel, deadline, delay) => new CallPlan(at, function, isHigh, answers, callback, cancel, deadline, delay));

    private static readonly Gen<int> Span = Gen.Int[50, 4000];

    // Longer than a write is repeated; longer than it takes to give a call back as often as one is that loses its workers.
    private static readonly Gen<int> RefusalSpan = Gen.Frequency((6, Span), (2, Gen.Int[11_000, 13_000]), (1, Gen.Int[80_000, 90_000]));

    private static readonly Gen<Fault> OneFault = Gen.Select(
        Gen.Frequency(
            (6, Gen.Const(FaultKind.Killed)), (1, Gen.Const(FaultKind.Stopped)), (2, Gen.Const(FaultKind.Restarted)),
            (2, Gen.Const(FaultKind.LinkCut)), (1, Gen.Const(FaultKind.LinkStalled)), (2, Gen.Const(FaultKind.BrokerRestarted)), (2, Gen.Const(FaultKind.ConsumerDeleted)),
            (4, Gen.Const(FaultKind.StreamRefuses))),
        Gen.Int[0, 3000],
        Gen.Frequency((1, Gen.Const(-1)), (4, Gen.Int[0, 30])),
        Span,
        RefusalSpan,
        Gen.Int[0, 1],
        Gen.Int[0, 80],
        (kind, at, effect, span, refusal, worker, which) => new Fault(kind, at, effect, kind == FaultKind.StreamRefuses ? refusal : span, worker, which));

    private static readonly Gen<Fault> OnePause = Gen.Select(
        Gen.Int[0, 2500], Span, Gen.Int[0, Functions], (at, span, which) => new Fault(FaultKind.Paused, at, -1, span, 0, which));

    public static Gen<Plan> Any { get; } = Gen.Select(
        Gen.Int[0, int.MaxValue - 1],
        Gen.Bool,
        Gen.Int[1, 2],
        Gen.Int[1, 3],
        OneCall.Array[1, 8],
        OneFault.Array[0, 3],
        Gen.Frequency((2, Gen.Const(Array.Empty<Fault>())), (1, OnePause.Array[1, 2])),
        (seed, mode, workers, slots, calls, faults, pauses) => new Plan(seed, mode, workers, slots, calls, [.. faults, .. pauses]));

    public override string ToString() =>
        $"seed {Seed}, {(IsFunctionMode ? "function" : "static")} mode, {Workers} workers with {Slots} slots\n  {string.Join("\n  ", Calls.Select((call, i) => $"call {i}: {call}"))}\n  {string.Join("\n  ", Faults.Select(fault => fault.ToString()))}";
}

/// <summary>One call.</summary>
/// <param name="At">When it is accepted.</param>
/// <param name="Function">Of which function.</param>
/// <param name="IsHigh">Its priority.</param>
/// <param name="Answers">What the function answers to each attempt; the last one to all further ones.</param>
/// <param name="Callback">What the receiver answers to each POST; nobody is called back if that is empty.</param>
/// <param name="CancelAfter">When its caller cancels it; -1 for never.</param>
/// <param name="ExpiresAfter">Its deadline; -1 for none.</param>
/// <param name="Delay">How long it is put aside; -1 for not.</param>
internal sealed record CallPlan(int At, int Function, bool IsHigh, Answer[] Answers, Answer[] Callback, int CancelAfter, int ExpiresAfter, int Delay)
{
    /// <summary>How it ends unless it is cancelled or its deadline passes: the reason of its dead letter, null if it succeeds, and with which attempt.</summary>
    public (string? Reason, int Attempt) End
    {
        get
        {
            var ending = Enumerable.Range(1, Simulation.MaxAttempts).FirstOrDefault(attempt => !ToAttempt(attempt).IsRetried, Simulation.MaxAttempts);
            var last = ToAttempt(ending);
            return (last.IsRetried ? DeadReasons.Exhausted : last.Status == 200 ? null : DeadReasons.Failed, ending);
        }
    }

    public Answer ToAttempt(int attempt) => Answers[Math.Min(attempt, Answers.Length) - 1];

    public override string ToString() =>
        $"at {At} fn{Function}{(IsHigh ? " high" : "")} answers {string.Join(", ", Answers)}"
        + (Callback.Length > 0 ? $"; callback {string.Join(", ", Callback)}" : "")
        + (CancelAfter >= 0 ? $"; cancelled after {CancelAfter}" : "") + (ExpiresAfter >= 0 ? $"; expires after {ExpiresAfter}" : "") + (Delay >= 0 ? $"; delayed for {Delay}" : "");
}

/// <summary>An HTTP status, 0 for no connection, and after how many milliseconds.</summary>
internal readonly record struct Answer(int Status, int Takes)
{
    /// <summary>Whether a call that is answered so is sent again.</summary>
    public bool IsRetried => Status is 0 or 429 or 500 || Takes >= Simulation.UpstreamTimeout.TotalMilliseconds;

    public override string ToString() => $"{Status} in {Takes}";
}

/// <summary>A fault.</summary>
/// <param name="Kind">What happens.</param>
/// <param name="At">When, at the earliest.</param>
/// <param name="Effect">
/// At which effect of the worker from then on: at the first just before it (0) or just after it (1), at the second (2, 3) and so on; -1 for at that time.
/// </param>
/// <param name="Span">For how long.</param>
/// <param name="Worker">To which worker.</param>
/// <param name="Which">Which stream, consumer or function.</param>
internal sealed record Fault(FaultKind Kind, int At, int Effect, int Span, int Worker, int Which)
{
    public override string ToString() =>
        $"at {At}{(Effect < 0 ? "" : $" {(Effect % 2 == 0 ? "before" : "after")} effect {1 + (Effect / 2)}")} for {Span}: {Kind} (worker {Worker}, {Which})";
}

internal enum FaultKind
{
    /// <summary>kill -9; a new process comes up.</summary>
    Killed,

    /// <summary>SIGSTOP, and later SIGCONT.</summary>
    Stopped,

    /// <summary>SIGTERM, and a new process at once.</summary>
    Restarted,
    LinkCut,

    /// <summary>Nothing gets through for a while, then all of it.</summary>
    LinkStalled,

    /// <summary>It comes up again, with what was stored.</summary>
    BrokerRestarted,
    ConsumerDeleted,

    /// <summary>A function, or the whole queue; an operator's wish, and no excuse for anything.</summary>
    Paused,

    /// <summary>Full, without leader, or silent (having stored, or not).</summary>
    StreamRefuses,
}
