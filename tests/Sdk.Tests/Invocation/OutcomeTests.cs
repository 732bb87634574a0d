using Connectors.Sdk.Invocation;

namespace Connectors.Sdk.Tests.Invocation;

/// <summary>What an outcome says of whether a function has had the call: by what it has not, no event ends.</summary>
public class OutcomeTests
{
    // Of a call that brings its function down, or takes too long for it, the platform says 500 or 504; of one that is too large, 413 or 431.
    [Theory]
    [InlineData(OutcomeKind.Failed, 429, "faas-middleware", true, true)]
    [InlineData(OutcomeKind.Failed, 503, "proxy", true, true)]
    [InlineData(OutcomeKind.Failed, 502, "gateway", false, true)]
    [InlineData(OutcomeKind.Failed, 502, "proxy", false, false)]
    [InlineData(OutcomeKind.Failed, 500, "proxy", false, false)]
    [InlineData(OutcomeKind.Failed, 500, "gateway", false, false)]
    [InlineData(OutcomeKind.Failed, 500, "of-watchdog", false, false)]
    [InlineData(OutcomeKind.Failed, 504, "of-watchdog", false, false)]
    [InlineData(OutcomeKind.Failed, 404, "proxy", false, false)]
    [InlineData(OutcomeKind.Failed, 413, "of-watchdog", false, false)]
    [InlineData(OutcomeKind.Failed, 431, "of-watchdog", false, false)]
    [InlineData(OutcomeKind.Failed, 429, null, false, false)]
    [InlineData(OutcomeKind.Failed, 502, null, false, false)]
    [InlineData(OutcomeKind.Failed, 503, null, false, false)]
    [InlineData(OutcomeKind.TimedOut, 504, null, false, false)]
    [InlineData(OutcomeKind.Succeeded, 200, "proxy", false, false)]
    [InlineData(OutcomeKind.Unreachable, 503, null, false, true)]
    public void The_platforms_own_word_that_nobody_took_a_call_is_told_from_what_a_function_may_have_seen(
        OutcomeKind kind, int status, string? source, bool isUnseen, bool isNotRun)
    {
        var outcome = new Outcome { Kind = kind, Status = status, InternalSource = source, HasAnswerBegun = kind is OutcomeKind.Failed or OutcomeKind.Succeeded };

        Assert.Equal((isUnseen, isNotRun), (outcome.IsUnseen, outcome.IsNotRun));
    }

    [Fact]
    public void An_answer_that_broke_off_may_be_of_the_function_and_a_call_that_was_never_sent_is_of_none()
    {
        var unreachable = new Outcome { Kind = OutcomeKind.Unreachable, Status = 503 };

        Assert.True((unreachable with { HasAnswerBegun = true }) is { IsUnseen: false, IsNotRun: false });
        Assert.True((unreachable with { WasNeverSent = true }) is { IsUnseen: true, IsNotRun: true });
    }
}
