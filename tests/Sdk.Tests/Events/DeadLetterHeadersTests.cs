using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;

namespace Connectors.Sdk.Tests.Events;

public class DeadLetterHeadersTests
{
    private static readonly DateTimeOffset At = new(2026, 1, 2, 4, 4, 5, 678, TimeSpan.FromHours(1));

    [Theory]
    [InlineData(OutcomeKind.Failed, 500, null, "answered 500")]
    [InlineData(OutcomeKind.Failed, 400, "the call cannot be sent: too odd", "the call cannot be sent: too odd")]
    [InlineData(OutcomeKind.TimedOut, 504, "no answer within 30s", "timed out: no answer within 30s")]
    [InlineData(OutcomeKind.Unreachable, 502, "it broke off", "no whole answer: it broke off")]
    public void They_say_why_how_often_and_when(OutcomeKind kind, int status, string? error, string reason)
    {
        Header[] expected = [new("X-Dead-Reason", reason), new("X-Dead-Status", $"{status}"), new("X-Dead-Attempts", "3"), new("X-Dead-At", "2026-01-02T03:04:05.678Z")];

        Assert.Equal(expected, DeadLetterHeaders.Of(new Outcome { Kind = kind, Status = status, Error = error }, 3, At));
    }

    [Fact]
    public void A_reason_that_is_as_long_as_somebodys_stack_is_cut()
    {
        var outcome = new Outcome { Kind = OutcomeKind.Failed, Status = 400, Error = new string('x', 5000) };

        Assert.Equal(new string('x', 1024), DeadLetterHeaders.Of(outcome, 1, At).First().Value);
    }
}
