using Connectors.Sdk.Invocation;

namespace Connectors.Sdk.Tests.Invocation;

public class RetryPolicyTests
{
    private static readonly RetryPolicy Policy = new()
    {
        Attempts = 3,
        Codes = new HashSet<int> { 429, 503 },
        MinWait = TimeSpan.FromSeconds(10),
        MaxWait = TimeSpan.FromSeconds(60),
    };

    [Theory]
    [InlineData(OutcomeKind.Succeeded, 200, false, 1, VerdictKind.Succeeded)]
    [InlineData(OutcomeKind.Succeeded, 302, false, 1, VerdictKind.Succeeded)]
    [InlineData(OutcomeKind.Succeeded, 200, true, 3, VerdictKind.Succeeded)]
    [InlineData(OutcomeKind.Failed, 429, false, 1, VerdictKind.Retry)]
    [InlineData(OutcomeKind.Failed, 429, false, 2, VerdictKind.Retry)]
    [InlineData(OutcomeKind.Failed, 429, false, 3, VerdictKind.Exhausted)]
    [InlineData(OutcomeKind.Failed, 429, false, 9, VerdictKind.Exhausted)]
    [InlineData(OutcomeKind.Failed, 400, false, 1, VerdictKind.Failed)]
    [InlineData(OutcomeKind.Failed, 400, false, 3, VerdictKind.Failed)]
    [InlineData(OutcomeKind.Failed, 500, false, 1, VerdictKind.Failed)]
    [InlineData(OutcomeKind.Failed, 400, true, 1, VerdictKind.Retry)]
    [InlineData(OutcomeKind.Failed, 404, true, 3, VerdictKind.Exhausted)]
    [InlineData(OutcomeKind.TimedOut, 504, false, 1, VerdictKind.Retry)]
    [InlineData(OutcomeKind.TimedOut, 504, false, 3, VerdictKind.Exhausted)]
    [InlineData(OutcomeKind.Unreachable, 503, false, 1, VerdictKind.Retry)]
    [InlineData(OutcomeKind.Unreachable, 503, false, 3, VerdictKind.Exhausted)]
    public void Decides(OutcomeKind kind, int status, bool isInternal, int attempt, VerdictKind verdict)
    {
        var outcome = new Outcome { Kind = kind, Status = status, InternalSource = isInternal ? "proxy" : null };

        Assert.Equal(verdict, Policy.Decide(outcome, attempt, new Random(1)).Kind);
        if (kind != OutcomeKind.Succeeded)
        {
            Assert.Equal(verdict != VerdictKind.Failed, Policy.Retries(outcome));
        }
    }

    [Theory]
    [InlineData(429, 30.0, 30)]
    [InlineData(503, 30.0, 30)]
    [InlineData(429, 0.0, 10)]
    [InlineData(429, 3600.0, 60)]
    [InlineData(429, null, 20)]
    [InlineData(500, 30.0, 20)]
    public void Retry_after_counts_for_429_and_503_within_the_bounds(int status, double? asked, int seconds)
    {
        var policy = Policy with { Codes = new HashSet<int> { 429, 500, 503 } };
        var outcome = new Outcome { Kind = OutcomeKind.Failed, Status = status, RetryAfter = asked is { } s ? TimeSpan.FromSeconds(s) : null };

        Assert.Equal(new Verdict(VerdictKind.Retry, TimeSpan.FromSeconds(seconds)), policy.Decide(outcome, 2, new Random(1)));
    }

    [Theory]
    [InlineData(1, 10)]
    [InlineData(2, 20)]
    [InlineData(3, 40)]
    [InlineData(9, 60)]
    public void What_is_tried_on_waits_as_what_is_sent_again_also_beyond_its_attempts(int attempt, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), Policy.Delay(attempt, new Random(1)));

    [Fact]
    public void A_single_attempt_is_never_repeated() =>
        Assert.Equal(
            VerdictKind.Exhausted,
            (Policy with { Attempts = 1 }).Decide(new Outcome { Kind = OutcomeKind.Unreachable, Status = 503 }, 1, new Random(1)).Kind);
}
