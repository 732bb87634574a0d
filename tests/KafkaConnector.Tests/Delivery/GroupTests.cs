using System.Globalization;
using Connectors.Testing;

namespace Connectors.Kafka.Tests.Delivery;

/// <summary>Several connectors of one group, while members come, go and die.</summary>
public class GroupTests(ITestOutputHelper output)
{
    private const int Events = 6_000;
    private const int Partitions = 6;

    [Theory]
    [InlineData("range,roundrobin")]
    [InlineData("cooperative-sticky")]
    public async Task One_of_two_is_killed_and_a_third_added_under_load_without_loss(string strategy)
    {
        await using var scene = await Scene.StartAsync(Partitions);
        var ledger = new FunctionLedger(scene.Gateway, async (_, http) =>
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, http.RequestAborted);
            return 200;
        });
        await using var first = await scene.StartConnectorAsync("kafka_partition_assignment_strategy", strategy);
        await using var second = await scene.StartConnectorAsync("kafka_partition_assignment_strategy", strategy);
        await Eventually.HoldsAsync(async () => await AssignedAsync(first) + await AssignedAsync(second) == Partitions, "both share the partitions");
        for (var i = 0; i < Events; i++)
        {
            scene.Send($"k{i % 60}", (i / 60).ToString(CultureInfo.InvariantCulture));
        }

        await scene.FlushAsync();
        await Eventually.HoldsAsync(() => ledger.Taken >= Events / 6, () => $"the load runs; {ledger.Taken} are taken");
        await first.KillAsync();
        await using var third = await scene.StartConnectorAsync("kafka_partition_assignment_strategy", strategy);

        await Eventually.HoldsAsync(() => ledger.Taken == Events, () => $"all are taken; {ledger.Taken} are\n{second.Process.Tail()}\n{third.Process.Tail()}");
        await scene.CommitsAllAsync(Partitions, Events);
        Assert.Empty(ledger.OutOfOrder());
        // The mock brokers refuse commits while the group rebalances, so more repeats here than real ones would have: ApacheKafkaTests counts those.
        output.WriteLine($"{strategy}: {ledger.Count} deliveries of {Events} events");
    }

    [Fact]
    public async Task A_group_of_the_new_protocol_shares_partitions_and_hands_them_on_without_loss()
    {
        string[] protocol = ["kafka_group_protocol", "consumer", "kafka_session_timeout_ms", "", "kafka_heartbeat_interval_ms", ""];
        await using var scene = await Scene.StartAsync(Partitions);
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(200));
        await using var first = await scene.StartConnectorAsync(protocol);
        await using var second = await scene.StartConnectorAsync(protocol);
        await Eventually.HoldsAsync(
            async () => await AssignedAsync(first) is > 0 and var one && await AssignedAsync(second) is > 0 and var two && one + two == Partitions,
            "both share the partitions");
        for (var i = 0; i < 300; i++)
        {
            scene.Send($"k{i % 60}", (i / 60).ToString(CultureInfo.InvariantCulture));
        }

        await scene.FlushAsync();
        await Eventually.HoldsAsync(() => ledger.Taken >= 30, "the load runs");
        Assert.Equal(0, await first.TerminateAsync());

        await scene.CommitsAllAsync(Partitions, 300);
        Assert.Equal(300, ledger.Taken);
        Assert.Empty(ledger.OutOfOrder());
    }

    [Fact]
    public async Task What_outlasts_the_poll_interval_is_given_up_and_comes_again()
    {
        await using var scene = await Scene.StartAsync();
        var isStuck = true;
        var ledger = new FunctionLedger(scene.Gateway, async (_, http) =>
        {
            if (Volatile.Read(ref isStuck))
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted);
            }

            return 200;
        });
        await using var first = await scene.StartConnectorAsync("kafka_max_poll_interval_ms", "5000");
        await scene.ProduceAsync("k", "x");
        await Eventually.HoldsAsync(() => ledger.Count == 1, "the event runs");

        await using var second = await ServiceProcess.StartAsync("KafkaConnector", scene.Environment("kafka_max_poll_interval_ms", "5000"), ready: false);
        await first.Process.LineAsync(line => line.Contains("did not finish", StringComparison.Ordinal), "the drain is given up");
        Volatile.Write(ref isStuck, false);

        await scene.CommitsAllAsync(1, 1);
        Assert.True(ledger.Count >= 2);
        Assert.False(first.Process.HasExited);
    }

    private static async Task<double> AssignedAsync(ServiceProcess connector) =>
        await connector.MetricAsync("kafka_connector_assigned_partitions{group=\"tests\"}") ?? 0;
}
