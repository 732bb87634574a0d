using Connectors.Testing;

namespace Connectors.Cron.Tests.Ticking;

/// <summary>Replicas whose clock is wrong, beside a broker whose clock is right: no tick is fired twice, and no schedule falls silent.</summary>
public sealed class WrongClockTests : CronTest
{
    [Theory]
    [InlineData(1, "none")]
    [InlineData(1, "all")]
    [InlineData(24 * 400, "none")]
    public async Task After_a_replica_that_was_ahead_schedules_go_on_and_no_tick_comes_twice(int hours, string catchUp)
    {
        var function = "ahead" + Guid.NewGuid().ToString("N")[..6];
        Gateway.Functions = [RunningCron.Function(function, "*/2 * * * * *")];
        (string, string)[] options = [("catch_up", catchUp), ("catch_up_window", "30s"), ("misfire_threshold", "1s")];
        await using (var wrong = await RunningCron.StartAsync(Gateway.Url, Nats, new MovableClock(TimeSpan.FromHours(hours)), options))
        {
            await Gateway.ReceivesAsync(3, IsAhead);
        }

        // The right one goes on at once.
        var clock = new MovableClock(TimeSpan.Zero);
        await using var right = await RunningCron.StartAsync(Gateway.Url, Nats, clock, options);
        await Gateway.ReceivesAsync(3, call => !IsAhead(call));
        Assert.Equal(1, await right.MetricAsync($"cron_connector_cursors_taken_back_total{{function_name=\"{function}.openfaas-fn\"}}"));

        // And when the time comes that was fired ahead, it is passed over.
        var last = Gateway.Calls.Where(IsAhead).Max(RunningCron.Due);
        clock.Ahead = last.AddSeconds(-4) - TimeProvider.System.GetUtcNow();
        await Gateway.ReceivesAsync(2, call => RunningCron.Due(call) > last);
        RunningCron.NoneTwice(Gateway.Calls);
    }

    [Fact]
    public async Task One_replica_whose_clock_is_set_back_goes_on()
    {
        var clock = new MovableClock(TimeSpan.FromHours(1));
        Gateway.Functions = [RunningCron.Function("a", "* * * * * *")];
        await using var cron = await RunningCron.StartAsync(Gateway.Url, null, clock, ("misfire_threshold", "1s"));
        await Gateway.ReceivesAsync(2, IsAhead);

        clock.Ahead = TimeSpan.Zero;

        await Gateway.ReceivesAsync(3, call => !IsAhead(call));
        RunningCron.NoneTwice(Gateway.Calls);
    }

    private static bool IsAhead(RecordedRequest call) => RunningCron.Due(call) > call.At.AddMinutes(2);
}

/// <summary>A replica whose clock is behind. The metric that tells of it has no label, so no other connector of this process may run meanwhile.</summary>
[Collection(nameof(Alone))]
public sealed class ClockBehindTests : CronTest
{
    [Fact]
    public async Task A_replica_that_is_behind_fires_nothing_and_says_so()
    {
        Gateway.Functions = [RunningCron.Function("a", "* * * * * *")];
        await using (var right = await RunningCron.StartAsync(Gateway.Url, Nats, ("misfire_threshold", "1s")))
        {
            await Gateway.ReceivesAsync(2);
        }

        var before = Gateway.Calls.Count;
        await using var behind = await RunningCron.StartAsync(Gateway.Url, Nats, new MovableClock(TimeSpan.FromHours(-1)), ("catch_up", "all"));

        await behind.SaysAsync("This machine's clock is behind the broker's");
        await Eventually.HoldsAsync(async () => await behind.MetricAsync("cron_connector_cursors_ahead") == 1, "it is counted");
        Assert.Equal(before, Gateway.Calls.Count);
    }
}

/// <summary>For tests of what all connectors of a process share.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
