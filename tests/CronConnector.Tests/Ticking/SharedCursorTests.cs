using Connectors.Testing;

namespace Connectors.Cron.Tests.Ticking;

/// <summary>Three connectors of one bucket, all well.</summary>
public sealed class SharedCursorTests : CronTest
{
    [Fact]
    public async Task Of_three_replicas_one_fires_each_second()
    {
        Gateway.Functions = [RunningCron.Function("a", "* * * * * *")];
        await using var one = await RunningCron.StartAsync(Gateway.Url, Nats, ("misfire_threshold", "1m"));
        await using var two = await RunningCron.StartAsync(Gateway.Url, Nats, ("misfire_threshold", "1m"));
        await using var three = await RunningCron.StartAsync(Gateway.Url, Nats, ("misfire_threshold", "1m"));

        await RunningCron.EachSecondAsync(() => Gateway.Calls, 8);

        RunningCron.NoneTwice(Gateway.Calls);
    }
}
