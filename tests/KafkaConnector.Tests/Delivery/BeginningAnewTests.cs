using Connectors.Testing;

namespace Connectors.Kafka.Tests.Delivery;

/// <summary>Partitions that the client gives up begin anew once it is known where, under each protocol of groups; what runs of others is none the wiser.</summary>
public class BeginningAnewTests
{
    [Theory]
    [InlineData("oldest", "eager")]
    [InlineData("newest", "eager")]
    [InlineData("oldest", "cooperative")]
    [InlineData("newest", "consumer")]
    public async Task One_of_which_a_broker_refuses_to_say_where_it_begins_waits_and_ends_no_event_of_another(string initial, string protocol)
    {
        await using var scene = await Scene.StartAsync(partitions: 2);
        var release = new TaskCompletionSource();
        var ledger = new FunctionLedger(scene.Gateway, async (delivery, http) =>
        {
            await (delivery.Partition == 1 ? release.Task : Task.CompletedTask).WaitAsync(http.RequestAborted);
            return 200;
        });
        Clients.Commit(scene.Kafka.BootstrapServers, scene.Group, scene.Topic, 1, 0);
        await scene.ProduceAsync("k", "running", partition: 1);
        await scene.ProduceAsync("k", "behind it", partition: 1);

        // To the next requests for offsets (2) the broker says that there is no such partition (3).
        scene.Kafka.Fail(2, 3, 3, 3, 3, 3, 3);
        await using var connector = await scene.BeginConnectorAsync(["initial_offset", initial, "partition_buffer", "1", .. Protocol(protocol)]);
        await connector.SaysAsync("do not say where the partition begins");
        await Eventually.HoldsAsync(() => ledger.Count == 1, "the event runs");
        await connector.IsReadyAsync();
        await scene.ProduceAsync("k", "late", partition: 0);
        await Eventually.HoldsAsync(() => ledger.IsTaken(0, 0), () => $"the other partition is read\n{string.Join('\n', connector.Lines.TakeLast(30))}");
        release.SetResult();

        await scene.CommitsAllAsync(2, 3);
        Assert.Equal(3, ledger.Count);
        AssertNothingFailed(connector);
    }

    [Theory]
    [InlineData("eager")]
    [InlineData("cooperative")]
    [InlineData("consumer")]
    public async Task One_whose_oldest_record_goes_before_it_is_read_begins_with_the_oldest_of_then(string protocol)
    {
        await using var scene = await Scene.StartAsync();
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(200));
        await scene.ProduceAsync("k", "0");
        FailToFetch(scene);

        await using var connector = await scene.RunConnectorAsync(Protocol(protocol));

        await scene.CommitsAllAsync(1, 1);
        Assert.Equal("0", Assert.Single(ledger.Deliveries).Text);
        AssertNothingFailed(connector);
    }

    [Theory]
    [InlineData("eager")]
    [InlineData("cooperative")]
    [InlineData("consumer")]
    public async Task One_whose_last_record_that_was_done_goes_before_it_is_read_again_goes_on_behind_it(string protocol)
    {
        await using var scene = await Scene.StartAsync();
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(200));
        await using (await scene.RunConnectorAsync(Protocol(protocol)))
        {
            await scene.ProduceAsync("k", "0");
            await scene.CommitsAllAsync(1, 1);
        }

        FailToFetch(scene);
        await using var connector = await scene.RunConnectorAsync(Protocol(protocol));
        await scene.ProduceAsync("k", "1");

        await scene.CommitsAllAsync(1, 2);
        Assert.Equal(["0", "1"], ledger.Deliveries.Select(d => d.Text));
        AssertNothingFailed(connector);
    }

    // To the next requests to fetch (1) the broker says that the offset is out of range (1), as it does when retention has just deleted what stands there.
    // More than one, for the answer to the first may count no more when it comes.
    private static void FailToFetch(Scene scene) => scene.Kafka.Fail(1, 1, 1, 1);

    private static void AssertNothingFailed(RunningConnector connector) => Assert.DoesNotContain(
        connector.Lines,
        line => line.Contains("Event source failed", StringComparison.Ordinal) || line.Contains("Stored offset out of range", StringComparison.Ordinal));

    private static string[] Protocol(string name) => name switch
    {
        "cooperative" => ["kafka_partition_assignment_strategy", "cooperative-sticky"],
        "consumer" => ["kafka_group_protocol", "consumer", "kafka_session_timeout_ms", "", "kafka_heartbeat_interval_ms", ""],
        _ => [],
    };
}
