using Confluent.Kafka;
using Connectors.Kafka.Committing;
using Connectors.Kafka.Records;
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
        await using var connector = await scene.RunConnectorAsync(
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
        await using (await scene.RunConnectorAsync("topics", "orders-*", "initial_offset", "newest"))
        {
            scene.Kafka.CreateTopic("orders-eu");
            await Eventually.HoldsAsync(() => scene.Committed(1, "orders-eu")[0] == 0, "its beginning is committed");
        }

        await scene.ProduceAsync("k", "while away", topic: "orders-eu");
        await using var again = await scene.RunConnectorAsync("topics", "orders-*", "initial_offset", "newest");

        await scene.CommitsAllAsync(1, 1, "orders-eu");
        Assert.Equal("while away", Assert.Single(scene.Gateway.Calls).Text);
    }

    [Fact]
    public async Task A_topic_that_is_named_twice_is_read_once()
    {
        await using var scene = await Scene.StartAsync();
        await using var connector = await scene.RunConnectorAsync("topics", $"{scene.Topic},{scene.Topic}");
        await scene.ProduceAsync("k", "x");

        await scene.CommitsAllAsync(1, 1);
        Assert.Single(scene.Gateway.Calls);
    }

    [Fact]
    public async Task Markers_that_end_transactions_are_passed_though_no_consumer_sees_them()
    {
        await using var scene = await Scene.StartAsync();
        await using (var connector = await scene.RunConnectorAsync())
        {
            await scene.ProduceAsync(null, "first");
            await TransactionMarker.WriteAsync(scene.Kafka.BootstrapServers, scene.Topic, 0);

            await scene.CommitsAllAsync(1, 2);
            await Eventually.HoldsAsync(
                async () => await connector.MetricAsync($"kafka_connector_lag{{group=\"{scene.Group}\",topic=\"{scene.Topic}\",partition=\"0\"}}") is 0, "nothing is left to be read");
        }

        // Nothing is read from now on, and what is noted is still the record.
        await TransactionMarker.WriteAsync(scene.Kafka.BootstrapServers, scene.Topic, 0);
        await using (await scene.RunConnectorAsync())
        {
            await scene.CommitsAllAsync(1, 3);
        }

        using (var group = Clients.Consumer(scene.Kafka.BootstrapServers, scene.Group))
        {
            Assert.Equal(0, LastRecord.Parse(Assert.Single(new GroupOffsets(group, new SeenCommits()).Read([new TopicPartition(scene.Topic, 0)], TimeSpan.FromSeconds(30))).Note)?.Offset);
        }

        // Retention takes the markers with what they follow: an offset that stood at one would be out of range.
        scene.Kafka.DeleteRecords(scene.Topic, 0, 3);
        await using var last = await scene.RunConnectorAsync();
        await scene.ProduceAsync(null, "second");

        await scene.CommitsAllAsync(1, 4);
        Assert.Equal(["first", "second"], scene.Gateway.Calls.Select(call => call.Text));
    }

    [Fact]
    public async Task A_topic_made_again_and_grown_past_the_offset_is_an_alarm_until_the_offset_is_set()
    {
        await using var scene = await Scene.StartAsync(partitions: 2);
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(200));
        await using var connector = await scene.RunConnectorAsync();
        for (var i = 0; i < 3; i++)
        {
            await scene.ProduceAsync("k", "old", partition: 0);
        }

        await scene.CommitsAllAsync(2, 3);
        await connector.StopAsync();
        await RemakeAsync(scene, "moved");
        for (var i = 0; i < 5; i++)
        {
            await scene.ProduceAsync("k", "new", partition: 0);
        }

        await scene.ProduceAsync("k", "innocent", partition: 1);
        await using (var next = await scene.BeginConnectorAsync("group", "moved"))
        {
            await next.SaysAsync("Topic deleted and made again");
            await Eventually.HoldsAsync(() => ledger.Deliveries.Any(d => d.Text == "innocent"), "the other partition goes on");
            Assert.DoesNotContain(ledger.Deliveries, d => d.Text == "new");
            Assert.Equal(1, await next.MetricAsync($"kafka_connector_topic_remade{{group=\"moved\",topic=\"{scene.Topic}\",partition=\"0\"}}"));
            Assert.Contains($"topic deleted and made again: {scene.Topic}/0", await Scene.ReadinessAsync(next.Metrics), StringComparison.Ordinal);
        }

        // As an operator's tool sets it, without a note.
        Clients.Commit(scene.Kafka.BootstrapServers, "set", scene.Topic, 0, 1);
        await using var last = await scene.RunConnectorAsync("group", "set");
        await Eventually.HoldsAsync(() => ledger.Deliveries.Count(d => d.Text == "new") == 4, "the new topic is read from there");

        // Of a partition that is no longer ours nothing is told: the connectors of one process share their metrics.
        Assert.Null(await last.MetricAsync($"kafka_connector_topic_remade{{group=\"moved\",topic=\"{scene.Topic}\",partition=\"0\"}}"));
    }

    [Fact]
    public async Task A_topic_made_again_shorter_while_it_is_read_is_an_alarm_at_once_and_other_topics_go_on()
    {
        await using var scene = await Scene.StartAsync();
        scene.Kafka.CreateTopic("innocent");
        scene.Gateway.Functions = [ListedFunction.Wanting($"{scene.Topic},innocent", "receiver")];
        await using var connector = await scene.RunConnectorAsync("topics", $"{scene.Topic},innocent");
        for (var i = 0; i < 3; i++)
        {
            await scene.ProduceAsync("k", "old");
        }

        await scene.CommitsAllAsync(1, 3);
        scene.Kafka.DeleteTopic(scene.Topic);
        scene.Kafka.CreateTopic(scene.Topic);
        await scene.ProduceAsync("k", "new");

        await connector.SaysAsync("Stored offset out of range");
        await Eventually.HoldsAsync(
            async () => (await Scene.ReadinessAsync(connector.Metrics)).Contains($"stored offset out of range: {scene.Topic}/0", StringComparison.Ordinal), "it is named");
        await scene.ProduceAsync("k", "innocent", topic: "innocent");
        await scene.CommitsAllAsync(1, 1, "innocent");
        await connector.StopAsync();
    }

    [Fact]
    public async Task A_restart_repeats_nothing_and_raises_no_alarm_even_when_retention_took_what_was_done()
    {
        await using var scene = await Scene.StartAsync();
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(200));
        await using (await scene.RunConnectorAsync())
        {
            await scene.ProduceAsync("k", "0");
            await scene.ProduceAsync("k", "1");
            await scene.CommitsAllAsync(1, 2);
        }

        await using (await scene.RunConnectorAsync())
        {
            await scene.ProduceAsync("k", "2");
            await scene.CommitsAllAsync(1, 3);
        }

        scene.Kafka.DeleteRecords(scene.Topic, 0, before: 3);
        await using var connector = await scene.RunConnectorAsync();
        await scene.ProduceAsync("k", "3");

        await scene.CommitsAllAsync(1, 4);
        Assert.Equal(["0", "1", "2", "3"], ledger.Deliveries.Select(d => d.Text));
        Assert.Equal(0, await connector.MetricAsync($"kafka_connector_topic_remade{{group=\"{scene.Group}\",topic=\"{scene.Topic}\",partition=\"0\"}}") ?? 0);
        Assert.Equal(0, await connector.MetricAsync($"kafka_connector_offset_out_of_range{{group=\"{scene.Group}\",topic=\"{scene.Topic}\",partition=\"0\"}}") ?? 0);
    }

    [Fact]
    public async Task A_partition_of_which_the_brokers_say_nothing_waits_and_the_others_go_on()
    {
        await using var scene = await Scene.StartAsync(partitions: 2);
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(200));
        Clients.Commit(scene.Kafka.BootstrapServers, scene.Group, scene.Topic, 1, 0);
        await scene.ProduceAsync("k", "innocent", partition: 1);
        scene.Kafka.MoveLeader(scene.Topic, 0, broker: null);
        await using var connector = await scene.BeginConnectorAsync("initial_offset", "newest");

        await connector.SaysAsync("do not say where the partition begins");
        await Eventually.HoldsAsync(() => ledger.Taken == 1, "the other partition goes on");
        Assert.Contains($"starting offset not known: {scene.Topic}/0", await Scene.ReadinessAsync(connector.Metrics), StringComparison.Ordinal);
        scene.Kafka.MoveLeader(scene.Topic, 0, broker: 1);
        await connector.IsReadyAsync();
        await scene.ProduceAsync("k", "late", partition: 0);

        await Eventually.HoldsAsync(() => ledger.Taken == 2, () => $"the partition goes on too; {ledger.Taken} are taken\n{string.Join('\n', connector.Lines.TakeLast(30))}");
    }

    [Fact]
    public async Task Many_partitions_of_which_the_brokers_say_nothing_hold_up_neither_the_group_nor_the_poll_thread()
    {
        const int silent = 40;
        const int committed = silent;
        const int fresh = silent + 1;
        await using var scene = await Scene.StartAsync(partitions: silent + 2, brokers: 2);
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(200));
        Clients.Commit(scene.Kafka.BootstrapServers, scene.Group, scene.Topic, committed, 0);
        scene.Kafka.MoveGroup(scene.Group, 1);
        for (var partition = 0; partition < silent + 2; partition++)
        {
            scene.Kafka.MoveLeader(scene.Topic, partition, broker: partition < silent ? 2 : 1);
        }

        // It takes connections and says nothing.
        scene.Kafka.Delay(2, TimeSpan.FromHours(1));

        await using var connector = await scene.BeginConnectorAsync("initial_offset", "newest");
        await Eventually.HoldsAsync(
            async () => await Scene.ReadinessAsync(connector.Metrics) is var told
                && told.Contains("starting offset not known: ", StringComparison.Ordinal)
                && !told.Contains($"{scene.Topic}/{committed}", StringComparison.Ordinal),
            "the group has assigned them, and where the committed one begins is known");
        for (var i = 0; i < 50; i++)
        {
            await scene.ProduceAsync("k", $"{i}", partition: committed);
        }

        await Eventually.HoldsAsync(() => ledger.Taken == 50, () => $"a partition whose offset is committed goes on; {ledger.Taken} are taken");
        await Eventually.HoldsAsync(
            async () => !(await Scene.ReadinessAsync(connector.Metrics)).Contains($"{scene.Topic}/{fresh}", StringComparison.Ordinal), "the one that is new is found");
        await scene.ProduceAsync("k", "fresh", partition: fresh);
        await Eventually.HoldsAsync(() => ledger.Taken == 51, "it goes on");

        scene.Kafka.MoveLeader(scene.Topic, silent - 1, broker: 1);
        await Eventually.HoldsAsync(
            async () => !(await Scene.ReadinessAsync(connector.Metrics)).Contains($"{scene.Topic}/{silent - 1}", StringComparison.Ordinal), "the last of the silent ones is found behind the others");
        await scene.ProduceAsync("k", "late", partition: silent - 1);
        await Eventually.HoldsAsync(() => ledger.Deliveries.Any(d => d.Text == "late"), "it goes on too");
    }

    [Fact]
    public async Task A_topic_that_is_not_there_is_told_and_found_once_it_is()
    {
        await using var scene = await Scene.StartAsync();
        scene.Gateway.Functions = [ListedFunction.Wanting("missing", "receiver")];
        await using var connector = await scene.BeginConnectorAsync("topics", "missing");

        await connector.SaysAsync("UnknownTopicOrPart");
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
        using var old = Clients.Consumer(scene.Kafka.BootstrapServers, scene.Group);
        var committed = new GroupOffsets(old, new SeenCommits()).Read([new TopicPartition(scene.Topic, 0)], TimeSpan.FromSeconds(30));
        Assert.Equal(3, Assert.Single(committed).Offset);
        scene.Kafka.DeleteTopic(scene.Topic);
        scene.Kafka.CreateTopic(scene.Topic, 2);
        using var moved = Clients.Consumer(scene.Kafka.BootstrapServers, group);
        await Eventually.HoldsAsync(
            () =>
            {
                new GroupOffsets(moved, new SeenCommits()).Write(committed);
                return Task.FromResult(Clients.Committed(scene.Kafka.BootstrapServers, group, scene.Topic, 1)[0] == 3);
            },
            "the old offset stands");
    }
}
