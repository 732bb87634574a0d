using Confluent.Kafka;
using Connectors.Kafka.Committing;
using Connectors.Testing;

namespace Connectors.Kafka.Tests.Delivery;

/// <summary>Where partitions begin: topics and partitions that appear, vanish, are made again, or of which the brokers say nothing.</summary>
public class StartingTests
{
    [Fact]
    public async Task With_newest_a_topic_that_appears_under_a_pattern_is_read_from_its_beginning()
    {
        await using var scene = await Scene.StartAsync();
        scene.Gateway.Functions = [ListedFunction.Wanting("orders-*", "receiver")];
        scene.Kafka.CreateTopic("orders-us");
        await scene.ProduceAsync("k", "old", topic: "orders-us");
        await using var connector = await scene.StartConnectorAsync(
            "topics", "orders-*", "initial_offset", "newest", "kafka_topic_metadata_refresh_interval_ms", "3000");
        await scene.CommitsAllAsync(1, 1, "orders-us");

        scene.Kafka.CreateTopic("orders-eu");
        await scene.ProduceAsync("k", "first", topic: "orders-eu");
        await scene.ProduceAsync("k", "second", topic: "orders-eu");

        await scene.CommitsAllAsync(1, 2, "orders-eu");
        Assert.Equal(["first", "second"], scene.Gateway.Calls.Select(call => call.Text));
    }

    [Fact]
    public async Task With_newest_an_empty_topic_that_appeared_is_not_skipped_by_a_restart()
    {
        await using var scene = await Scene.StartAsync();
        scene.Gateway.Functions = [ListedFunction.Wanting("orders-*", "receiver")];
        scene.Kafka.CreateTopic("orders-us");
        await using var connector = await scene.StartConnectorAsync("topics", "orders-*", "initial_offset", "newest");
        scene.Kafka.CreateTopic("orders-eu");
        await Eventually.HoldsAsync(() => scene.Committed(1, "orders-eu")[0] == 0, "its beginning is committed");
        await connector.TerminateAsync();

        await scene.ProduceAsync("k", "while away", topic: "orders-eu");
        await connector.StartAgainAsync();

        await scene.CommitsAllAsync(1, 1, "orders-eu");
        Assert.Equal("while away", Assert.Single(scene.Gateway.Calls).Text);
    }

    [Fact]
    public async Task A_topic_made_again_and_grown_past_the_offset_is_an_alarm_until_the_offset_is_set()
    {
        await using var scene = await Scene.StartAsync(partitions: 2);
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(200));
        await using var connector = await scene.StartConnectorAsync();
        for (var i = 0; i < 3; i++)
        {
            await scene.ProduceAsync("k", "old", partition: 0);
        }

        await scene.CommitsAllAsync(2, 3);
        await connector.TerminateAsync();
        await RemakeAsync(scene, "moved");
        for (var i = 0; i < 5; i++)
        {
            await scene.ProduceAsync("k", "new", partition: 0);
        }

        await scene.ProduceAsync("k", "innocent", partition: 1);
        await using var next = await ServiceProcess.StartAsync("KafkaConnector", scene.Environment("group", "moved"), ready: false);

        await next.Process.LineAsync(line => line.Contains("Topic deleted and made again", StringComparison.Ordinal), "the log tells");
        await Eventually.HoldsAsync(() => ledger.Deliveries.Any(d => d.Text == "innocent"), "the other partition goes on");
        Assert.DoesNotContain(ledger.Deliveries, d => d.Text == "new");
        Assert.Equal(1, await next.MetricAsync("kafka_connector_topic_remade{group=\"moved\",topic=\"orders\",partition=\"0\"}"));
        Assert.Contains("topic deleted and made again: orders/0", await Scene.ReadinessAsync(next.Metrics), StringComparison.Ordinal);
        Assert.Equal(0, await next.TerminateAsync());

        // As an operator's tool sets it, without a note.
        Clients.Commit(scene.Kafka.BootstrapServers, "set", Scene.Topic, 0, 1);
        await using var last = await scene.StartConnectorAsync("group", "set");
        await Eventually.HoldsAsync(() => ledger.Deliveries.Count(d => d.Text == "new") == 4, "the new topic is read from there");
    }

    [Fact]
    public async Task A_restart_repeats_nothing_and_raises_no_alarm_even_when_retention_took_what_was_done()
    {
        await using var scene = await Scene.StartAsync();
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(200));
        await using var connector = await scene.StartConnectorAsync();
        await scene.ProduceAsync("k", "0");
        await scene.ProduceAsync("k", "1");
        await scene.CommitsAllAsync(1, 2);
        await connector.TerminateAsync();
        await connector.StartAgainAsync();
        await scene.ProduceAsync("k", "2");
        await scene.CommitsAllAsync(1, 3);
        await connector.TerminateAsync();

        scene.Kafka.DeleteRecords(Scene.Topic, 0, before: 3);
        await connector.StartAgainAsync();
        await scene.ProduceAsync("k", "3");

        await scene.CommitsAllAsync(1, 4);
        Assert.Equal(["0", "1", "2", "3"], ledger.Deliveries.Select(d => d.Text));
        Assert.Equal(0, await connector.MetricAsync("kafka_connector_topic_remade{group=\"tests\",topic=\"orders\",partition=\"0\"}") ?? 0);
        Assert.Equal(0, await connector.MetricAsync("kafka_connector_offset_out_of_range{group=\"tests\",topic=\"orders\",partition=\"0\"}") ?? 0);
    }

    [Fact]
    public async Task A_partition_of_which_the_brokers_say_nothing_waits_and_the_others_go_on()
    {
        await using var scene = await Scene.StartAsync(partitions: 2);
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(200));
        Clients.Commit(scene.Kafka.BootstrapServers, Scene.Group, Scene.Topic, 1, 0);
        await scene.ProduceAsync("k", "innocent", partition: 1);
        scene.Kafka.MoveLeader(Scene.Topic, 0, broker: null);
        await using var connector = await ServiceProcess.StartAsync("KafkaConnector", scene.Environment("initial_offset", "newest"), ready: false);

        await connector.Process.LineAsync(line => line.Contains("do not say where the partition begins", StringComparison.Ordinal), "the log tells");
        await Eventually.HoldsAsync(() => ledger.Taken == 1, "the other partition goes on");
        Assert.Contains("starting offset not known: orders/0", await Scene.ReadinessAsync(connector.Metrics), StringComparison.Ordinal);
        scene.Kafka.MoveLeader(Scene.Topic, 0, broker: 1);
        await connector.IsReadyAsync();
        await scene.ProduceAsync("k", "late", partition: 0);

        await Eventually.HoldsAsync(() => ledger.Taken == 2, () => $"the partition goes on too; {ledger.Taken} are taken\n{connector.Process.Tail()}");
    }

    [Fact]
    public async Task A_topic_that_is_not_there_is_told_and_found_once_it_is()
    {
        await using var scene = await Scene.StartAsync();
        scene.Gateway.Functions = [ListedFunction.Wanting("missing", "receiver")];
        await using var connector = await ServiceProcess.StartAsync("KafkaConnector", scene.Environment("topics", "missing"), ready: false);

        await connector.Process.LineAsync(line => line.Contains("UnknownTopicOrPart", StringComparison.Ordinal), "the log names the topic");
        Assert.Contains("partitions: ", await Scene.ReadinessAsync(connector.Metrics), StringComparison.Ordinal);
        Assert.True(await connector.MetricAsync("kafka_connector_errors_total{code=\"UnknownTopicOrPart\"}") >= 1);
        scene.Kafka.CreateTopic("missing");
        await scene.ProduceAsync("k", "x", topic: "missing");

        await scene.Gateway.ReceivesAsync(1);
        await connector.IsReadyAsync();
    }

    // The mock brokers forget a topic's offsets with the topic, as many real ones do not; and they take an offset from outside only for a group that has
    // had no members yet.
    private static async Task RemakeAsync(Scene scene, string group)
    {
        using var old = Clients.Consumer(scene.Kafka.BootstrapServers, Scene.Group);
        var committed = new GroupOffsets(old).Read([new TopicPartition(Scene.Topic, 0)], TimeSpan.FromSeconds(30));
        Assert.Equal(3, Assert.Single(committed).Offset);
        scene.Kafka.DeleteTopic(Scene.Topic);
        scene.Kafka.CreateTopic(Scene.Topic, 2);
        using var moved = Clients.Consumer(scene.Kafka.BootstrapServers, group);
        await Eventually.HoldsAsync(
            () =>
            {
                new GroupOffsets(moved).Write(committed);
                return Task.FromResult(Clients.Committed(scene.Kafka.BootstrapServers, group, Scene.Topic, 1)[0] == 3);
            },
            "the old offset stands");
    }
}
