
namespace Connectors.Sdk.Invocation;

/// <summary>Which outcomes are sent again, how often and when. Pure; its tests hold the truth table.</summary>
public sealed record RetryPolicy
{
    /// <summary>Sends in all, the first included; at least 1.</summary>
    public required int Attempts { get; init; }

    /// <summary>HTTP statuses to retry.</summary>
    public required IReadOnlySet<int> Codes { get; init; }

    /// <summary>Wait before the second send, and the least wait a <c>Retry-After</c> can bring.</summary>
    public required TimeSpan MinWait { get; init; }

    /// <summary>The longest wait.</summary>
    public required TimeSpan MaxWait { get; init; }

    /// <summary>How waits are spread.</summary>
    public BackOffKind BackOff { get; init; }

    /// <summary>
    /// Success stays; a listed status, any error made by the system itself, a broken connection and a timeout are sent again while attempts last;
    /// everything else is final. A call that we aborted ourselves is none of this policy's business.
    /// </summary>
    /// <param name="outcome">What happened.</param>
    /// <param name="attempt">Ordinal of the send that it happened to, from 1.</param>
    /// <param name="random">Source of jitter.</param>
    public Verdict Decide(Outcome outcome, int attempt, Random random)
    {
        if (outcome.Kind == OutcomeKind.Succeeded)
        {
            return new Verdict(VerdictKind.Succeeded);
        }

        if (!Retries(outcome))
        {
            return new Verdict(VerdictKind.Failed);
        }

        return attempt >= Attempts ? new Verdict(VerdictKind.Exhausted) : new Verdict(VerdictKind.Retry, Wait(outcome, attempt, random));
    }

    /// <summary>The wait before the send after <paramref name="attempt"/>, whatever came of that: for what is tried on beyond <see cref="Attempts"/>, or uses up none.</summary>
    /// <param name="attempt">Ordinal of the last send, from 1.</param>
    /// <param name="random">Source of jitter.</param>
    public TimeSpan Delay(int attempt, Random random) => Invocation.BackOff.Delay(BackOff, attempt, MinWait, MaxWait, random);

    /// <summary>Whether an outcome other than success is one that is sent again while attempts last.</summary>
    internal bool Retries(Outcome outcome) => outcome.Kind != OutcomeKind.Failed || outcome.IsInternal || Codes.Contains(outcome.Status);

    private TimeSpan Wait(Outcome outcome, int attempt, Random random)
    {
        if (outcome is { Status: 429 or 503, RetryAfter: { } asked })
        {
            var most = MaxWait < MinWait ? MinWait : MaxWait;
            return asked < MinWait ? MinWait : asked > most ? most : asked;
        }

        return Delay(attempt, random);
    }
}
