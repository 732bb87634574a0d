using System.Globalization;
using Connectors.Testing;

namespace Connectors.Kafka.Tests.Delivery;

/// <summary>Several connectors of one group, while members come, go and die.</summary>
public class GroupTests
{
    private const int Partitions = 6;

    [Fact]
    public async Task A_group_of_the_new_protocol_shares_partitions_and_hands_them_on_without_loss()
    {
        string[] protocol = ["kafka_group_protocol", "consumer", "kafka_session_timeout_ms", "", "kafka_heartbeat_interval_ms", ""];
        await using var scene = await Scene.StartAsync(Partitions);
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(200));
        await using var first = await scene.StartConnectorAsync(protocol);
        await using var second = await scene.StartConnectorAsync(protocol);
        await Eventually.HoldsAsync(
            async () => await AssignedAsync(scene, first) is > 0 and var one && await AssignedAsync(scene, second) is > 0 and var two && one + two == Partitions,
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
        await using var first = await scene.RunConnectorAsync("kafka_max_poll_interval_ms", "5000");
        await scene.ProduceAsync("k", "x");
        await Eventually.HoldsAsync(() => ledger.Count == 1, "the event runs");

        await using var second = await scene.BeginConnectorAsync("kafka_max_poll_interval_ms", "5000");
        await first.SaysAsync("did not finish");
        Volatile.Write(ref isStuck, false);

        await scene.CommitsAllAsync(1, 1);
        Assert.True(ledger.Count >= 2);
    }

    private static async Task<double> AssignedAsync(Scene scene, ServiceProcess connector) =>
        await connector.MetricAsync($"kafka_connector_assigned_partitions{{group=\"{scene.Group}\"}}") ?? 0;
}
