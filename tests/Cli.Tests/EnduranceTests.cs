using Connectors.Cli.Api;

namespace Connectors.Cli.Tests;

/// <summary>For how long a command that stays bears a gateway that is away.</summary>
public sealed class EnduranceTests
{
    private static readonly CommandFailure Away = new("away") { MayPass = true };

    private readonly Clock _clock = new();

    [Fact]
    public void A_request_that_ran_for_nearly_a_minute_before_it_broke_off_leaves_a_whole_minute_to_the_gateways_restart()
    {
        var endurance = new Endurance(_clock);
        endurance.Answered();

        _clock.Pass(seconds: 55);
        Assert.True(endurance.Bears(Away));
        _clock.Pass(seconds: 59);
        Assert.True(endurance.Bears(Away));
        _clock.Pass(seconds: 2);
        Assert.False(endurance.Bears(Away));
    }

    [Fact]
    public void Each_answer_begins_it_anew()
    {
        var endurance = new Endurance(_clock);

        Assert.True(endurance.Bears(Away));
        _clock.Pass(seconds: 50);
        endurance.Answered();
        _clock.Pass(seconds: 3600);
        Assert.True(endurance.Bears(Away));
        _clock.Pass(seconds: 50);
        Assert.True(endurance.Bears(Away));
    }

    [Fact]
    public void What_does_not_pass_by_itself_is_not_borne() => Assert.False(new Endurance(_clock).Bears(new CommandFailure("refused")));

    private sealed class Clock : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Pass(int seconds) => _now += seconds * TimeSpan.TicksPerSecond;
    }
}
