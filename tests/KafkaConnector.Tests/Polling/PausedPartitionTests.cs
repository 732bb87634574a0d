using System.Globalization;
using Connectors.Kafka.Tests.Delivery;
using Connectors.Testing;

namespace Connectors.Kafka.Tests.Polling;

/// <summary>
/// The client drops the begin of a partition that is resumed in the same moment (librdkafka's issue 5591), which no test can bring about at will. So none that was
/// paused is begun paused: its own log says what it was told, and when.
/// </summary>
public class PausedPartitionTests
{
    private static readonly string[] Telling = ["partition_buffer", "1", "debug", "true", "kafka_debug", "topic"];

    // To the next heartbeat (12) that the group rebalances (27), or that it does not know the member (25).
    [Theory]
    [InlineData(27, "revoked")]
    [InlineData(25, "lost")]
    public async Task One_that_was_paused_when_it_left_comes_back_unpaused(int error, string what)
    {
        await using var scene = await Scene.StartAsync();
        var release = new TaskCompletionSource();
        _ = new FunctionLedger(scene.Gateway, async (_, http) =>
        {
            await release.Task.WaitAsync(http.RequestAborted);
            return 200;
        });
        for (var i = 0; i < 5; i++)
        {
            await scene.ProduceAsync("k", i.ToString(CultureInfo.InvariantCulture));
        }

        await using var connector = await scene.StartConnectorAsync(Telling);
        await IsPausedAsync(scene, connector);
        scene.Kafka.Fail(12, error);
        await connector.Process.LineAsync(line => line.Contains($"\"what\":\"{what}\"", StringComparison.Ordinal), $"it is {what}");
        release.SetResult();

        await scene.CommitsAllAsync(1, 5);
        AssertBegunUnpaused(connector, scene.Topic, 0);
    }

    [Fact]
    public async Task One_that_was_paused_when_all_are_begun_anew_is_begun_unpaused()
    {
        await using var scene = await Scene.StartAsync(partitions: 2);
        var release = new TaskCompletionSource();
        _ = new FunctionLedger(scene.Gateway, async (delivery, http) =>
        {
            await (delivery.Partition == 1 ? release.Task : Task.CompletedTask).WaitAsync(http.RequestAborted);
            return 200;
        });
        Clients.Commit(scene.Kafka.BootstrapServers, scene.Group, scene.Topic, 1, 0);
        await scene.ProduceAsync("k", "running", partition: 1);
        await scene.ProduceAsync("k", "behind it", partition: 1);

        // To the next requests for offsets (2) the broker says that there is no such partition (3).
        scene.Kafka.Fail(2, 3, 3, 3, 3, 3, 3);
        await using var connector = await ServiceProcess.StartAsync("KafkaConnector", scene.Environment(Telling), ready: false);
        await IsPausedAsync(scene, connector);
        await connector.IsReadyAsync();
        release.SetResult();
        await scene.ProduceAsync("k", "late", partition: 0);

        await scene.CommitsAllAsync(2, 3);
        AssertBegunUnpaused(connector, scene.Topic, 1);
    }

    private static Task IsPausedAsync(Scene scene, ServiceProcess connector) => Eventually.HoldsAsync(
        async () => await connector.MetricAsync($"kafka_connector_paused_partitions{{group=\"{scene.Group}\"}}") == 1, "it is paused");

    // From its second begin until it is paused again, with what it then has read.
    private static void AssertBegunUnpaused(ServiceProcess connector, string topic, int partition)
    {
        var told = connector.Process.Lines
            .SkipWhile(line => !Is(line, "Start consuming")).Skip(1)
            .SkipWhile(line => !Is(line, "Start consuming")).Skip(1)
            .TakeWhile(line => !Is(line, "Pause"))
            .ToList();

        Assert.NotEmpty(told);
        Assert.DoesNotContain(told, line => Is(line, "Resume"));

        bool Is(string line, string did) => line.Contains($"{did} {topic} [{partition}]", StringComparison.Ordinal);
    }
}
