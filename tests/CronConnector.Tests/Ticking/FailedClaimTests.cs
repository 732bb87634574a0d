using Connectors.Testing;

namespace Connectors.Cron.Tests.Ticking;

/// <summary>A claim cannot be written for a moment, and neither a new list of functions nor another tick has the schedule looked at.</summary>
public sealed class FailedClaimTests : CronTest
{
    [Fact]
    public async Task Its_tick_is_fired_once_it_can_be_written_and_not_missed()
    {
        var name = "failed" + Guid.NewGuid().ToString("N")[..6];
        Gateway.Functions = [RunningCron.Function(name, "*/15 * * * * *")];
        await using var cron = await RunningConnector.StartAsync(
            builder => RunningCron.Register(builder, RunningConnector.Options(Gateway.Url) with { RebuildInterval = TimeSpan.FromMinutes(5) }, Nats));
        await using var bucket = new CursorBucket(Nats);
        await Eventually.HoldsAsync(async () => (await bucket.OnlyAsync()).Value.Length > 0, "there is a cursor");

        await bucket.LimitAsync(1);
        await cron.SaysAsync("Claim failed, tried again");
        var before = Gateway.Calls.Count;
        await bucket.LimitAsync(-1);

        await Gateway.ReceivesAsync(before + 1);
        Assert.Equal(0, await cron.MetricAsync($"cron_connector_misfires_total{{function_name=\"{name}.openfaas-fn\",reason=\"missed\"}}"));
        RunningCron.NoneTwice(Gateway.Calls);
    }
}
