using Connectors.Sdk.Invocation;

namespace Connectors.Sqs.Settling;

/// <summary>What becomes of a message that a function did not take. Pure; how often it is received at all is decided by the queue's own redrive policy.</summary>
internal sealed record FailurePolicy
{
    // With waits of one second doubled, some minutes without a gateway, or a function, before it counts against the message.
    private const int RunsInVain = 8;

    public required OnFailure OnFailure { get; init; }

    public required TimeSpan MinWait { get; init; }

    public required TimeSpan MaxWait { get; init; }

    public required BackOffKind BackOff { get; init; }

    /// <summary>
    /// The delay after which to run it again here, without giving it back: only while no function runs it, for the gateway is away or the function down or full,
    /// which says nothing of the message and should not use up its receives. Null to give it back.
    /// </summary>
    public TimeSpan? RunAgainAfter(Outcome outcome, int attempt, Random random) =>
        outcome.IsNotRun && attempt < RunsInVain ? outcome.WaitAtLeast(Delay(attempt, random), MaxWait) : null;

    /// <summary>For how long to hide it, in whole seconds; null to delete it, which no outage of gateway or function leads to.</summary>
    /// <param name="outcome">The worst of the functions' outcomes.</param>
    /// <param name="receives">How often the message was received, this time included.</param>
    /// <param name="random">Source of jitter.</param>
    public TimeSpan? HideFor(Outcome outcome, int receives, Random random) => OnFailure switch
    {
        OnFailure.Delete when !outcome.IsNotRun => null,
        _ when IsHopeless(outcome) => Seconds(MaxWait),

        // Shown at once it would come at once again, and use up a receive each time.
        _ when outcome.IsNotRun => Seconds(outcome.WaitAtLeast(Delay(receives, random), MaxWait)),
        OnFailure.Release => TimeSpan.Zero,
        _ when outcome is { Status: 429 or 503, RetryAfter: { } asked } => Seconds(asked < MinWait ? MinWait : asked > MaxWait ? MaxWait : asked),
        _ => Seconds(Delay(receives, random)),
    };

    /// <summary>Whether no later try can go otherwise: too large for the gateway, in body or headers, or no request can be made of it at all.</summary>
    public static bool IsHopeless(Outcome outcome) =>
        outcome.Kind == OutcomeKind.Failed && (outcome.Status is 413 or 431 || outcome is { Status: 400, Error: not null });

    private TimeSpan Delay(int ordinal, Random random) => Sdk.Invocation.BackOff.Delay(BackOff, ordinal, MinWait, MaxWait, random);

    private static TimeSpan Seconds(TimeSpan time) => TimeSpan.FromSeconds(Math.Ceiling(time.TotalSeconds));
}

/// <summary>What becomes of a message that a function did not take.</summary>
internal enum OnFailure
{
    BackOff,
    Release,
    Delete,
}
