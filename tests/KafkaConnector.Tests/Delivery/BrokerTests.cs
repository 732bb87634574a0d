using Confluent.Kafka;
using Connectors.Testing;

namespace Connectors.Kafka.Tests.Delivery;

/// <summary>Brokers that go, lack, refuse or forget: a clear line, a metric, a defined end, and the process stays.</summary>
public class BrokerTests
{
    [Fact]
    public async Task A_broker_away_and_back_costs_nothing_but_time()
    {
        await using var scene = await Scene.StartAsync(partitions: 2);
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(200));
        await using var connector = await scene.StartConnectorAsync("kafka_reconnect_backoff_max_ms", "500");
        await scene.ProduceAsync("k", "0");
        await scene.CommitsAllAsync(2, 1);

        scene.Kafka.StopBroker(1);
        await SaysAsync(connector, "Local_Transport");
        Assert.False(connector.Process.HasExited);
        scene.Kafka.StartBroker(1);
        await scene.ProduceAsync("k", "1");

        await scene.CommitsAllAsync(2, 2);
        Assert.Equal(2, ledger.Taken);
        Assert.True(await connector.MetricAsync("kafka_connector_errors_total{code=\"Local_Transport\"}") >= 1);
    }

    [Fact]
    public async Task The_other_brokers_go_on_when_one_of_several_is_away_and_its_partitions_move()
    {
        await using var scene = await Scene.StartAsync(partitions: 3, brokers: 3);
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(200));
        await using var connector = await scene.RunConnectorAsync("kafka_reconnect_backoff_max_ms", "500");
        for (var partition = 0; partition < 3; partition++)
        {
            scene.Kafka.MoveLeader(scene.Topic, partition, partition + 1);
        }

        scene.Kafka.MoveGroup(scene.Group, 1);
        scene.Kafka.StopBroker(3);
        scene.Kafka.MoveLeader(scene.Topic, 2, 2);
        for (var i = 0; i < 30; i++)
        {
            scene.Send("k", "x", partition: i % 3);
        }

        await scene.FlushAsync();

        await scene.CommitsAllAsync(3, 30);
        Assert.Equal(30, ledger.Taken);
    }

    [Fact]
    public async Task A_client_with_sasl_at_a_plain_broker_says_so_and_stays()
    {
        await using var scene = await Scene.StartAsync();
        using var secrets = new SecretFiles(("user", "alice"), ("password", "s3cret-word"));
        await using var connector = await ServiceProcess.StartAsync(
            "KafkaConnector",
            scene.Environment("username_file", secrets.Path("user"), "password_file", secrets.Path("password")),
            ready: false);

        await SaysAsync(connector, "SASL");
        await Eventually.HoldsAsync(
            async () => (await Scene.ScrapeAsync(connector.Metrics)).Contains("kafka_connector_errors_total{code=", StringComparison.Ordinal), "the error is counted");
        Assert.Contains("partitions: not yet", await Scene.ReadinessAsync(connector.Metrics), StringComparison.Ordinal);
        Assert.False(connector.Process.HasExited);
        Assert.DoesNotContain(connector.Process.Lines, line => line.Contains("s3cret-word", StringComparison.Ordinal));
        Assert.Equal(0, await connector.TerminateAsync());
    }

    [Fact]
    public async Task A_changed_password_makes_a_new_client()
    {
        await using var scene = await Scene.StartAsync();
        using var secrets = new SecretFiles(("user", "alice"), ("password", "old"));
        await using var connector = await scene.RunConnectorAsync(
            "username_file", secrets.Path("user"), "password_file", secrets.Path("password"), "kafka_security_protocol", "plaintext");

        await scene.ProduceAsync("k", "0");
        await scene.CommitsAllAsync(1, 1);

        secrets.Replace("password", "new");

        // One assignment to the first client, which was ready, and one to the next. A slow one may be thrown out of the group and come back besides.
        await Eventually.HoldsAsync(
            () => connector.Lines.SkipWhile(line => !IsChange(line)).Any(line => line.Contains("what=assigned", StringComparison.Ordinal)), "the next client has an assignment");
        await scene.ProduceAsync("k", "1");
        await scene.CommitsAllAsync(1, 2);
        Assert.Single(connector.Lines, line => IsChange(line));

        // Of the first client, which was another member of the group, nothing is left: one record read, and offset 1.
        var told = (await Scene.ScrapeAsync(connector.Metrics)).Split('\n');
        Assert.EndsWith(" 1", Assert.Single(told, line => IsOf("consumed", line)), StringComparison.Ordinal);
        Assert.EndsWith(" 1", Assert.Single(told, line => IsOf("offset", line)), StringComparison.Ordinal);

        bool IsOf(string what, string line) => line.StartsWith($"kafka_connector_messages_{what}{{group=\"{scene.Group}\"", StringComparison.Ordinal);

        static bool IsChange(string line) => line.Contains("Credentials changed", StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_does_not_close_keeps_the_next_one_waiting_no_longer_than_its_limit_when_the_password_changes()
    {
        await using var scene = await Scene.StartAsync();
        using var secrets = new SecretFiles(("user", "alice"), ("password", "old"));
        var release = new TaskCompletionSource();
        var ledger = new FunctionLedger(scene.Gateway, async (_, _) =>
        {
            await release.Task;
            return 200;
        });
        await using var connector = await scene.RunConnectorAsync(
            "username_file", secrets.Path("user"), "password_file", secrets.Path("password"), "kafka_security_protocol", "plaintext",
            "grace_period", "1s", "kafka_max_poll_interval_ms", "5000", "kafka_api_version_request_timeout_ms", "1000", "kafka_reconnect_backoff_max_ms", "500");
        await scene.ProduceAsync("k", "0");
        await Eventually.HoldsAsync(() => ledger.Count == 1, "the event runs");

        // What is done is to be committed, and the answer comes far too late for the rounds and for the end.
        scene.Kafka.Delay(1, TimeSpan.FromHours(1));
        release.SetResult();
        await Eventually.HoldsAsync(() => ledger.Taken == 1, "the event is taken");
        secrets.Replace("password", "new");
        await connector.SaysAsync("The Kafka client does not close");
        scene.Kafka.Delay(1, TimeSpan.Zero);

        await connector.IsReadyAsync();
        await scene.ProduceAsync("k", "1");
        await scene.CommitsAllAsync(1, 2);
    }

    [Fact]
    public async Task A_stored_offset_out_of_range_is_an_alarm_and_no_jump()
    {
        await using var scene = await Scene.StartAsync(partitions: 2);
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(200));
        for (var i = 0; i < 5; i++)
        {
            await scene.ProduceAsync("k", "x", partition: 0);
            await scene.ProduceAsync("k", "x", partition: 1);
        }

        Clients.Commit(scene.Kafka.BootstrapServers, scene.Group, scene.Topic, 0, 1000);
        await using var connector = await scene.BeginConnectorAsync();

        await connector.SaysAsync("Stored offset out of range");
        await Eventually.HoldsAsync(() => ledger.Taken == 5, "the other partition goes on");
        Assert.All(ledger.Deliveries, delivery => Assert.Equal(1, delivery.Partition));
        Assert.Equal(1, await connector.MetricAsync($"kafka_connector_offset_out_of_range{{group=\"{scene.Group}\",topic=\"{scene.Topic}\",partition=\"0\"}}"));
        Assert.Contains($"{scene.Topic}/0", await Scene.ReadinessAsync(connector.Metrics), StringComparison.Ordinal);
        await connector.DisposeAsync();
        Assert.Equal([1000, 5], scene.Committed(2));
    }

    [Fact]
    public async Task Newest_begins_at_the_end_and_is_kept_so_that_a_restart_skips_nothing()
    {
        await using var scene = await Scene.StartAsync();
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(200));
        await scene.ProduceAsync("k", "before");
        await using (await scene.RunConnectorAsync("initial_offset", "newest"))
        {
            await scene.CommitsAllAsync(1, 1);
        }

        await scene.ProduceAsync("k", "while away");
        await using var again = await scene.RunConnectorAsync("initial_offset", "newest");

        await scene.CommitsAllAsync(1, 2);
        Assert.Equal("while away", Assert.Single(ledger.Deliveries).Text);
    }

    [Fact]
    public async Task A_commit_that_is_refused_is_made_again()
    {
        await using var scene = await Scene.StartAsync();
        _ = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(200));
        await using var connector = await scene.RunConnectorAsync();

        // 8 is OffsetCommit, 28 says that the offset's metadata is not acceptable: an error that the client does not retry by itself.
        scene.Kafka.Fail(8, 28);
        await scene.ProduceAsync("k", "x");

        await scene.CommitsAllAsync(1, 1);
        await connector.SaysAsync("Commit failed");
    }

    [Fact]
    public async Task A_silent_broker_of_many_paused_partitions_holds_up_no_commit_of_the_others()
    {
        const int paused = 120;
        await using var scene = await Scene.StartAsync(partitions: paused + 1, brokers: 2);
        var gate = new TaskCompletionSource();
        var ledger = new FunctionLedger(scene.Gateway, async (delivery, http) =>
        {
            await (delivery.Partition < paused ? gate.Task : Task.CompletedTask).WaitAsync(http.RequestAborted);
            return 200;
        });
        scene.Kafka.MoveGroup(scene.Group, 1);
        for (var partition = 0; partition <= paused; partition++)
        {
            scene.Kafka.MoveLeader(scene.Topic, partition, broker: partition < paused ? 2 : 1);
        }

        await using var connector = await scene.RunConnectorAsync("partition_buffer", "1", "max_inflight", "200");
        for (var partition = 0; partition < paused; partition++)
        {
            scene.Send("k", "x", partition);
        }

        await scene.FlushAsync();
        await Eventually.HoldsAsync(
            async () => await connector.MetricAsync($"kafka_connector_paused_partitions{{group=\"{scene.Group}\"}}") == paused, "they are all paused");

        scene.Kafka.Delay(2, TimeSpan.FromHours(1));
        await connector.SaysAsync("ListOffsetsRequest");
        for (var i = 1; i <= 5; i++)
        {
            await scene.ProduceAsync("k", "y", partition: paused);
            await Eventually.HoldsAsync(() => scene.Committed(paused + 1)[paused] == i, $"commit {i} is made");
        }

        gate.SetResult();
        await Eventually.HoldsAsync(() => ledger.Taken == paused + 5, "all are taken");
    }

    private static Task<string> SaysAsync(ServiceProcess connector, string words) =>
        connector.Process.LineAsync(line => line.Contains(words, StringComparison.Ordinal), $"the log says {words}");
}
