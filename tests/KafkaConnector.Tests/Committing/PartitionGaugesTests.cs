using Connectors.Testing;

namespace Connectors.Kafka.Tests.Committing;

public class PartitionGaugesTests
{
    [Fact]
    public async Task A_partition_of_markers_alone_of_which_nothing_was_committed_has_no_lag_and_is_committed()
    {
        await using var scene = await Scene.StartAsync();
        await TransactionMarker.WriteAsync(scene.Kafka.BootstrapServers, scene.Topic, 0);
        await TransactionMarker.WriteAsync(scene.Kafka.BootstrapServers, scene.Topic, 0);
        await using var connector = await scene.RunConnectorAsync();

        await scene.CommitsAllAsync(1, 2);
        await Eventually.HoldsAsync(
            async () => await connector.MetricAsync($"kafka_connector_lag{{group=\"{scene.Group}\",topic=\"{scene.Topic}\",partition=\"0\"}}") is 0, "nothing is left to be read");
        await scene.ProduceAsync("k", "x");
        await scene.CommitsAllAsync(1, 3);
        Assert.Single(scene.Gateway.Calls);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public async Task The_age_of_the_oldest_event_grows_as_ever_when_the_machines_clock_is_set(int hours)
    {
        await using var scene = await Scene.StartAsync();
        var release = new TaskCompletionSource();
        scene.Gateway.Answer = (_, _) => release.Task;
        var clock = new MovableClock();
        await using var connector = await scene.RunConnectorAsync(clock);
        await scene.ProduceAsync("k", "x");
        await Eventually.HoldsAsync(async () => await AgeAsync() > 0, "the event has an age");

        clock.Ahead = TimeSpan.FromHours(hours);
        var before = await AgeAsync();
        await Eventually.HoldsAsync(async () => await AgeAsync() > before, "it grows");

        Assert.InRange(await AgeAsync(), before, TimeSpan.FromMinutes(30).TotalSeconds);
        release.SetResult();
        await scene.CommitsAllAsync(1, 1);

        async Task<double> AgeAsync() =>
            await connector.MetricAsync($"kafka_connector_oldest_event_age_seconds{{group=\"{scene.Group}\",topic=\"{scene.Topic}\",partition=\"0\"}}") ?? 0;
    }
}
