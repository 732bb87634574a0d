using System.Globalization;
using Confluent.Kafka;
using Connectors.Testing;

namespace Connectors.Kafka.Tests.Delivery;

/// <summary>The same promises on a broker that no one here wrote: Apache Kafka 0.9.0.1, which knows groups and keys, and no headers.</summary>
public class ApacheKafkaTests(ApacheBroker broker) : IClassFixture<ApacheBroker>
{
    private const int Partitions = 3;
    private static readonly int Events = Rounds.Of(usual: 600, many: 2_000);

    // The broker is shared, a topic and the group that reads it are a test's own.
    private readonly string _topic = $"orders-{Guid.NewGuid().ToString("N")[..6]}";

    private ApacheKafka Kafka => broker.Kafka;

    [Fact]
    public async Task Events_survive_kills_restarts_and_a_rebalance_in_order()
    {
        await MakeTopicAsync(_topic, Partitions);
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(_topic, "receiver"));
        var failing = 0;
        var ledger = new FunctionLedger(gateway, (_, _) => Task.FromResult(Interlocked.Increment(ref failing) % 20 == 0 ? 500 : 200));
        await ProduceAsync();
        await using var first = await ServiceProcess.StartAsync("KafkaConnector", Environment(gateway));

        await Eventually.HoldsAsync(() => ledger.Taken > Events / 6, "events are taken");
        await first.KillAsync();
        AssertNothingUndoneIsCommitted(ledger);
        await first.StartAgainAsync();
        await using var second = await ServiceProcess.StartAsync("KafkaConnector", Environment(gateway));
        await Eventually.HoldsAsync(() => ledger.Taken == Events, () => $"all are taken; {ledger.Taken} are");

        await Eventually.HoldsAsync(() => Committed().Sum() == Events, () => $"all are committed; {string.Join(", ", Committed())} are");
        Assert.Empty(ledger.OutOfOrder());
        Assert.Equal(0, await first.TerminateAsync());
        Assert.Equal(0, await second.TerminateAsync());
    }

    [Fact]
    public async Task A_broker_killed_and_started_again_costs_nothing_but_time()
    {
        await MakeTopicAsync(_topic);
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(_topic, "receiver"));
        var ledger = new FunctionLedger(gateway, (_, _) => Task.FromResult(200));
        await using var connector = await RunAsync(gateway);
        await ProduceAsync(10);
        await Eventually.HoldsAsync(() => ledger.Taken == 10, "the first are taken");

        await Kafka.KillAsync();
        try
        {
            await connector.SaysAsync("Local_Transport");
        }
        finally
        {
            // The broker is shared: whatever failed here, the other tests have it.
            await Kafka.StartAgainAsync();
        }

        await ProduceAsync(10);

        await Eventually.HoldsAsync(() => ledger.Taken == 20, () => $"the rest is taken; {ledger.Taken} are");
    }

    [Fact]
    public async Task Of_two_connectors_one_is_killed_and_one_added_and_only_what_was_in_flight_comes_twice()
    {
        await MakeTopicAsync(_topic, Partitions);
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(_topic, "receiver"));
        var ledger = new FunctionLedger(gateway, async (_, http) =>
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, http.RequestAborted);
            return 200;
        });

        // The group must not take a slow member for one that died: what runs there would come twice too.
        var environment = Environment(gateway, "kafka_session_timeout_ms", "12000");
        await using var first = await ServiceProcess.StartAsync("KafkaConnector", environment);
        await using var second = await ServiceProcess.StartAsync("KafkaConnector", environment);
        await Eventually.HoldsAsync(async () => await AssignedAsync(first) + await AssignedAsync(second) == Partitions, "both share the partitions");
        await ProduceAsync();
        await Eventually.HoldsAsync(() => ledger.Taken > Events / 6, "the load runs");

        await first.KillAsync();
        var committed = Committed();

        // What it sent at last may not have been read yet. It has once something later was; the other may have nothing left to do, but is given no more
        // before the session of the killed one has run out.
        var (taken, killed) = (ledger.Taken, TimeProvider.System.GetTimestamp());
        await Eventually.HoldsAsync(() => ledger.Taken > taken + 5 || TimeProvider.System.GetElapsedTime(killed) > TimeSpan.FromSeconds(2), "what the killed one sent has come");
        var before = ledger.Deliveries.ToHashSet();
        await using var third = await ServiceProcess.StartAsync("KafkaConnector", environment);
        await Eventually.HoldsAsync(() => ledger.Taken == Events, () => $"all are taken; {ledger.Taken} are");

        await Eventually.HoldsAsync(() => Committed().Sum() == Events, () => $"all are committed; {string.Join(", ", Committed())} are");
        Assert.Empty(ledger.OutOfOrder());
        // In flight at the kill: delivered, and not committed. The members that come and go on repeat nothing.
        var repeated = ledger.Deliveries.GroupBy(d => (d.Partition, d.Offset)).Where(g => g.Count() > 1).Select(g => g.First()).ToList();
        Assert.DoesNotContain(repeated, d => !before.Contains(d) || d.Offset < committed[d.Partition]);
    }

    [Fact]
    public async Task A_running_event_is_finished_and_committed_before_its_partition_is_let_go()
    {
        await MakeTopicAsync(_topic);
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(_topic, "receiver"));
        var release = new TaskCompletionSource();
        var ledger = new FunctionLedger(gateway, async (_, _) =>
        {
            await release.Task;
            return 200;
        });

        // As long as this broker allows: it waits no longer for a member that still finishes what runs.
        string[] patient = ["kafka_session_timeout_ms", "30000"];
        await using var first = await RunAsync(gateway, patient);
        await ProduceAsync(1);
        await Eventually.HoldsAsync(() => ledger.Count == 1, "the event runs");

        await using var second = await BeginAsync(gateway, patient);
        await first.SaysAsync("what=revoked");
        release.SetResult();

        await second.IsReadyAsync();
        await ProduceAsync(1);
        await Eventually.HoldsAsync(() => ledger.Taken == 2, "the next event is taken");
        Assert.Equal(2, ledger.Count);
    }

    [Fact]
    public async Task With_newest_a_partition_that_is_added_is_read_from_its_beginning()
    {
        await MakeTopicAsync(_topic);
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(_topic, "receiver"));
        var ledger = new FunctionLedger(gateway, (_, _) => Task.FromResult(200));
        await ProduceAsync(1);
        await using var connector = await RunAsync(gateway, "initial_offset", "newest", "kafka_topic_metadata_refresh_interval_ms", "5000");
        await Eventually.HoldsAsync(() => Committed(1)[0] >= 1, "the end of the first is committed");

        await Kafka.SetPartitionsAsync(_topic, 2);
        await ProduceToAsync(1, 2);

        await Eventually.HoldsAsync(() => ledger.Taken >= 2, () => $"both come; {ledger.Taken} did\n{string.Join('\n', connector.Lines.TakeLast(30))}");
        Assert.All(ledger.Deliveries, delivery => Assert.Equal(1, delivery.Partition));
    }

    [Fact]
    public async Task A_topic_made_again_while_the_connector_was_away_is_told_and_not_skipped_into()
    {
        await MakeTopicAsync(_topic, 2);
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(_topic, "receiver"));
        var ledger = new FunctionLedger(gateway, (_, _) => Task.FromResult(200));
        await using (await RunAsync(gateway))
        {
            await ProduceToAsync(0, 3);
            await Eventually.HoldsAsync(() => Committed(1)[0] >= 3, "three are committed");
        }

        var taken = ledger.Taken;
        await RemakeAsync();
        await ProduceToAsync(0, taken + 2, "1");
        await using var connector = await BeginAsync(gateway);

        await connector.SaysAsync("Topic deleted and made again");
        Assert.Equal(taken, ledger.Taken);
        Assert.Contains($"topic deleted and made again: {_topic}/0", await Scene.ReadinessAsync(connector.Metrics), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_topic_made_again_with_fewer_partitions_does_not_keep_the_process_from_ending()
    {
        await MakeTopicAsync(_topic, 2);
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(_topic, "receiver"));
        var ledger = new FunctionLedger(gateway, (_, _) => Task.FromResult(200));
        await using var connector = await ServiceProcess.StartAsync(
            "KafkaConnector", Environment(gateway, "grace_period", "5s", "kafka_topic_metadata_refresh_interval_ms", "500"));
        await ProduceToAsync(1, 2);
        await Eventually.HoldsAsync(() => ledger.Taken >= 2, "both are taken");

        await RemakeAsync();

        Assert.Equal(0, await connector.TerminateAsync());
    }

    [Fact]
    public async Task Dead_letters_are_written_without_the_headers_that_the_broker_cannot_keep()
    {
        await MakeTopicAsync(_topic);
        await MakeTopicAsync($"{_topic}.dead");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(_topic, "receiver"));
        _ = new FunctionLedger(gateway, (_, _) => Task.FromResult(400));
        await using var connector = await RunAsync(gateway, "on_failure", "dead_letter");

        await ProduceAsync(3);

        await Eventually.HoldsAsync(
            async () => await connector.MetricAsync($"kafka_connector_dead_letters_total{{topic=\"{_topic}\"}}") >= 3, "three dead letters are written");
    }

    private async Task<RunningConnector> RunAsync(GatewayServer gateway, params string[] more)
    {
        var connector = await BeginAsync(gateway, more);
        await connector.IsReadyAsync();
        return connector;
    }

    private Task<RunningConnector> BeginAsync(GatewayServer gateway, params string[] more)
    {
        var options = Scene.Read(Environment(gateway, more));
        return RunningConnector.StartAsync(builder => Scene.Register(builder, options), options.Service.GracePeriod);
    }

    private async Task<double> AssignedAsync(ServiceProcess connector) =>
        await connector.MetricAsync($"kafka_connector_assigned_partitions{{group=\"{_topic}\"}}") ?? 0;

    private Dictionary<string, string> Environment(GatewayServer gateway, params string[] more) =>
        OldBroker.Environment(Kafka.BootstrapServers, _topic, gateway, more);

    // This broker may store a record twice whose answer was late: that many at the least.
    private async Task ProduceAsync(int? count = null)
    {
        using var producer = Clients.Producer(Kafka.BootstrapServers, OldBroker.Properties);
        await Task.WhenAll(Enumerable.Range(0, count ?? Events).Select(i => producer.ProduceAsync(
            _topic,
            new Message<string?, byte[]?> { Key = $"k{i % 50}", Value = System.Text.Encoding.UTF8.GetBytes((i / 50).ToString(CultureInfo.InvariantCulture)) })));
    }

    // That many at the least, too.
    private async Task ProduceToAsync(int partition, int count, string text = "0")
    {
        for (var i = 0; i < count; i++)
        {
            // A client that has learned of a topic's partitions does not soon ask again.
            await Eventually.HoldsAsync(
                async () =>
                {
                    using var producer = Clients.Producer(Kafka.BootstrapServers, OldBroker.Properties);
                    return await producer.ProduceAsync(new TopicPartition(_topic, partition), new Message<string?, byte[]?> { Value = System.Text.Encoding.UTF8.GetBytes(text) }) is not null;
                },
                "it is produced");
        }
    }

    // A topic that somebody asks for is made by the broker with one partition, which is cheaper than its tool.
    private async Task MakeTopicAsync(string topic, int partitions = 1)
    {
        if (partitions > 1)
        {
            await Kafka.CreateTopicAsync(topic, partitions);
        }

        await Eventually.HoldsAsync(() => Clients.Partitions(Kafka.BootstrapServers, topic, OldBroker.Properties) == partitions, "the topic is made");
    }

    // A topic of two partitions, which the broker makes again with one for whoever asks for it, the connector or us.
    private async Task RemakeAsync()
    {
        await Kafka.DeleteTopicAsync(_topic);
        await MakeTopicAsync(_topic);
    }

    private IReadOnlyList<long> Committed(int partitions = Partitions) =>
        Clients.Committed(Kafka.BootstrapServers, _topic, _topic, partitions, OldBroker.Properties);

    private void AssertNothingUndoneIsCommitted(FunctionLedger ledger)
    {
        var committed = Committed();
        Assert.All(Enumerable.Range(0, Partitions), partition => Assert.Empty(ledger.NotTakenBelow(partition, committed[partition])));
    }
}

/// <summary>One Apache Kafka for all tests of a class: to start one costs more than most of them.</summary>
public sealed class ApacheBroker : IAsyncLifetime
{
    public ApacheKafka Kafka { get; private set; } = null!; // set before the first test

    public async ValueTask InitializeAsync() => Kafka = await ApacheKafka.StartAsync("delete.topic.enable=true");

    public ValueTask DisposeAsync() => Kafka.DisposeAsync();
}
