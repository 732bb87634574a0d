using Connectors.Sdk.Invocation;
using Connectors.Sqs.Settling;

namespace Connectors.Sqs.Tests.Settling;

public class FailurePolicyTests
{
    private static readonly Random Random = new(1);

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(4, 8)]
    [InlineData(8, 60)]
    [InlineData(1000, 60)]
    public void Each_receive_doubles_the_wait_up_to_the_longest(int receives, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), Policy(OnFailure.BackOff).HideFor(Failed(500), receives, Random));

    [Fact]
    public void Waits_are_whole_seconds_and_never_shorter_than_asked()
    {
        var policy = Policy(OnFailure.BackOff) with { MinWait = TimeSpan.FromMilliseconds(1200) };

        Assert.Equal(TimeSpan.FromSeconds(2), policy.HideFor(Failed(500), 1, Random));
    }

    [Theory]
    [InlineData(429, 20, 20)]
    [InlineData(503, 0, 1)]
    [InlineData(503, 900, 60)]
    [InlineData(500, 20, 1)]
    public void What_the_function_asks_for_is_kept_within_bounds(int status, int asked, int seconds)
    {
        var outcome = Failed(status) with { RetryAfter = TimeSpan.FromSeconds(asked) };

        Assert.Equal(TimeSpan.FromSeconds(seconds), Policy(OnFailure.BackOff).HideFor(outcome, 1, Random));
    }

    [Fact]
    public void Released_at_once_and_deleted_as_configured()
    {
        Assert.Equal(TimeSpan.Zero, Policy(OnFailure.Release).HideFor(Failed(500), 3, Random));
        Assert.Null(Policy(OnFailure.Delete).HideFor(Failed(500), 3, Random));
    }

    [Theory]
    [InlineData(413, null)]
    [InlineData(431, null)]
    [InlineData(400, "cannot be sent")]
    public void What_can_never_be_delivered_waits_longest_instead_of_looping(int status, string? error)
    {
        var outcome = Failed(status) with { Error = error };

        Assert.True(FailurePolicy.IsHopeless(outcome));
        Assert.Equal(TimeSpan.FromSeconds(60), Policy(OnFailure.BackOff).HideFor(outcome, 1, Random));
        Assert.Equal(TimeSpan.FromSeconds(60), Policy(OnFailure.Release).HideFor(outcome, 1, Random));
        Assert.Null(Policy(OnFailure.Delete).HideFor(outcome, 1, Random));
    }

    [Fact]
    public void A_function_that_answers_400_may_change_its_mind() => Assert.False(FailurePolicy.IsHopeless(Failed(400)));

    [Fact]
    public void Only_a_gateway_out_of_reach_lets_a_message_run_again_without_another_receive()
    {
        var policy = Policy(OnFailure.BackOff);
        var away = new Outcome { Kind = OutcomeKind.Unreachable, Status = 503 };
        Assert.Null(Policy(OnFailure.BackOff).RunAgainAfter(away with { HasAnswerBegun = true }, 1, Random));

        Assert.Equal(TimeSpan.FromSeconds(4), policy.RunAgainAfter(away, 3, Random));
        Assert.Null(policy.RunAgainAfter(away, 8, Random));
        Assert.Null(policy.RunAgainAfter(Failed(503), 1, Random));
        Assert.Null(policy.RunAgainAfter(new Outcome { Kind = OutcomeKind.TimedOut, Status = 504 }, 1, Random));
    }

    [Theory]
    [InlineData(1, 4)]
    [InlineData(20, 20)]
    [InlineData(900, 60)]
    public void A_gateway_that_asks_for_a_wait_makes_it_longer_and_not_shorter(int asked, int seconds)
    {
        var full = new Outcome { Kind = OutcomeKind.Unreachable, Status = 503, RetryAfter = TimeSpan.FromSeconds(asked) };

        Assert.Equal(TimeSpan.FromSeconds(seconds), Policy(OnFailure.BackOff).HideFor(full, 3, Random));
        Assert.Equal(TimeSpan.FromSeconds(seconds), Policy(OnFailure.Delete).HideFor(full, 3, Random));
        Assert.Equal(TimeSpan.FromSeconds(seconds), Policy(OnFailure.BackOff).RunAgainAfter(full, 3, Random));
    }

    // A function that has no process, or takes no more calls, has not seen the message; of one that fails by it, or is too slow, the platform says 500 and 504.
    [Theory]
    [InlineData(429, "faas-middleware", true)]
    [InlineData(502, "gateway", true)]
    [InlineData(503, "proxy", true)]
    [InlineData(500, "proxy", false)]
    [InlineData(504, "of-watchdog", false)]
    [InlineData(413, "of-watchdog", false)]
    public void What_no_function_ran_runs_again_here_and_is_not_deleted(int status, string source, bool isSpared)
    {
        var outcome = Failed(status) with { InternalSource = source, HasAnswerBegun = true, RetryAfter = TimeSpan.FromSeconds(1) };

        TimeSpan? expected = isSpared ? TimeSpan.FromSeconds(4) : null;
        Assert.Equal(expected, Policy(OnFailure.BackOff).RunAgainAfter(outcome, 3, Random));
        Assert.Null(Policy(OnFailure.BackOff).RunAgainAfter(outcome, 8, Random));
        Assert.Equal(expected, Policy(OnFailure.Delete).HideFor(outcome, 3, Random));
    }

    [Fact]
    public void What_the_gateway_was_out_of_reach_for_is_not_deleted() =>
        Assert.Equal(TimeSpan.FromSeconds(4), Policy(OnFailure.Delete).HideFor(new Outcome { Kind = OutcomeKind.Unreachable, Status = 503 }, 3, Random));

    [Theory]
    [InlineData(429, "faas-middleware")]
    [InlineData(503, "proxy")]
    public void What_no_function_ran_is_not_released_at_once(int status, string source) =>
        Assert.Equal(TimeSpan.FromSeconds(4), Policy(OnFailure.Release).HideFor(Failed(status) with { InternalSource = source, HasAnswerBegun = true }, 3, Random));

    private static Outcome Failed(int status) => new() { Kind = OutcomeKind.Failed, Status = status };

    private static FailurePolicy Policy(OnFailure onFailure) => new()
    {
        OnFailure = onFailure,
        MinWait = TimeSpan.FromSeconds(1),
        MaxWait = TimeSpan.FromSeconds(60),
        BackOff = BackOffKind.Exponential,
    };
}
