using System.Globalization;
using System.Text;
using Confluent.Kafka;
using Connectors.Testing;

namespace Connectors.Kafka.Tests.Delivery;

/// <summary>What becomes of events that a function never takes, under each <c>on_failure</c>.</summary>
public class FailureTests
{
    // The protocol's codes of two refusals.
    private const int MessageTooLarge = 10;
    private const int RecordListTooLarge = 18;

    [Theory]
    [InlineData("partition")]
    [InlineData("key")]
    public async Task Block_holds_one_partition_without_filling_memory_and_others_go_on(string concurrency)
    {
        await using var scene = await Scene.StartAsync(partitions: 2);
        var ledger = new FunctionLedger(scene.Gateway, (delivery, _) => Task.FromResult(delivery.Partition == 0 ? 500 : 200));
        await using var connector = await scene.RunConnectorAsync(
            "concurrency", concurrency, "partition_buffer", "20", "max_retry_attempts", "2", "max_inflight", "4");
        for (var i = 0; i < 100; i++)
        {
            scene.Send($"k{i}", "x", partition: 0);
            scene.Send($"k{i}", "x", partition: 1);
        }

        await scene.FlushAsync();

        await Eventually.HoldsAsync(() => ledger.Taken == 100, () => $"the other partition goes on; {ledger.Taken} are taken");
        await MetricAsync(connector, $"kafka_connector_paused_partitions{{group=\"{scene.Group}\"}}", 1);
        await MetricAsync(connector, $"kafka_connector_lag{{group=\"{scene.Group}\",topic=\"{scene.Topic}\",partition=\"0\"}}", 100);
        scene.Send("late", "x", partition: 0);
        await scene.FlushAsync();
        await MetricAsync(connector, $"kafka_connector_lag{{group=\"{scene.Group}\",topic=\"{scene.Topic}\",partition=\"0\"}}", 101);
        await MetricAsync(connector, $"kafka_connector_held_events{{group=\"{scene.Group}\"}}", 20);
        await MetricAsync(connector, $"kafka_connector_lag{{group=\"{scene.Group}\",topic=\"{scene.Topic}\",partition=\"1\"}}", 0);
        Assert.True(await connector.MetricAsync($"kafka_connector_oldest_event_age_seconds{{group=\"{scene.Group}\",topic=\"{scene.Topic}\",partition=\"0\"}}") > 0);
        Assert.Contains(connector.Lines, line => line.Contains("Event blocks its order", StringComparison.Ordinal));
        Assert.True(scene.Committed(1)[0] <= 0);
    }

    [Fact]
    public async Task What_other_keys_did_beside_a_blocked_one_is_counted_until_it_can_be_committed()
    {
        await using var scene = await Scene.StartAsync();
        var isMended = false;
        var ledger = new FunctionLedger(scene.Gateway, (delivery, _) => Task.FromResult(delivery.Offset != 0 || Volatile.Read(ref isMended) ? 200 : 404));
        await using var connector = await scene.RunConnectorAsync("concurrency", "key", "partition_buffer", "20");
        for (var i = 0; i < 100; i++)
        {
            scene.Send($"k{i}", "x");
        }

        await scene.FlushAsync();
        var ahead = $"kafka_connector_done_ahead_events{{group=\"{scene.Group}\",topic=\"{scene.Topic}\",partition=\"0\"}}";
        await MetricAsync(connector, ahead, 99);
        Assert.Equal(99, ledger.Taken);
        Assert.True(scene.Committed(1)[0] <= 0);

        Volatile.Write(ref isMended, true);

        await scene.CommitsAllAsync(1, 100);
        await MetricAsync(connector, ahead, 0);
    }

    [Fact]
    public async Task A_blocked_partition_goes_on_in_order_once_the_function_is_mended()
    {
        await using var scene = await Scene.StartAsync();
        var isMended = false;
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(Volatile.Read(ref isMended) ? 200 : 404));
        await using var connector = await scene.RunConnectorAsync("partition_buffer", "10");
        for (var i = 0; i < 100; i++)
        {
            scene.Send("k", i.ToString(CultureInfo.InvariantCulture));
        }

        await scene.FlushAsync();
        await Eventually.HoldsAsync(() => ledger.Count > 3, "the first event is tried again and again");
        Assert.All(ledger.Deliveries, delivery => Assert.Equal(0, delivery.Offset));

        Volatile.Write(ref isMended, true);

        await scene.CommitsAllAsync(1, 100);
        Assert.Empty(ledger.OutOfOrder());
    }

    [Fact]
    public async Task Dead_letters_are_exactly_the_failed_events_as_they_were()
    {
        await using var scene = await Scene.StartAsync(partitions: 3);
        scene.Kafka.CreateTopic($"{scene.Topic}.dead", 1);
        _ = new FunctionLedger(scene.Gateway, (delivery, _) => Task.FromResult(delivery.Text == "bad" ? 500 : 200));
        await using var connector = await scene.RunConnectorAsync("on_failure", "dead_letter", "max_retry_attempts", "2");
        for (var i = 0; i < 90; i++)
        {
            await scene.ProduceAsync($"k{i}", i % 10 == 0 ? "bad" : "good", partition: i % 3, headers: new Headers { { "Colour", "red"u8.ToArray() } });
        }

        await scene.CommitsAllAsync(3, 90);

        var dead = Clients.ReadAll(scene.Kafka.BootstrapServers, $"{scene.Topic}.dead", 1);
        Assert.Equal(Enumerable.Range(0, 9).Select(i => $"k{i * 10}").Order(), dead.Select(d => Encoding.UTF8.GetString(d.Message.Key!)).Order());
        Assert.All(dead, letter =>
        {
            Assert.Equal("bad", Encoding.UTF8.GetString(letter.Message.Value!));
            Assert.Equal("red", Header(letter, "Colour"));
            Assert.Equal(scene.Topic, Header(letter, "X-Dead-Topic"));
            Assert.Equal(scene.Group, Header(letter, "X-Dead-Group"));
            Assert.Equal("answered 500", Header(letter, "X-Dead-Reason"));
            Assert.Equal("500", Header(letter, "X-Dead-Status"));
            Assert.Equal("2", Header(letter, "X-Dead-Attempts"));
            var ordinal = int.Parse(Encoding.UTF8.GetString(letter.Message.Key!)[1..], CultureInfo.InvariantCulture);
            Assert.Equal(ordinal % 3, int.Parse(Header(letter, "X-Dead-Partition")!, CultureInfo.InvariantCulture));
            Assert.Equal(ordinal / 3, int.Parse(Header(letter, "X-Dead-Offset")!, CultureInfo.InvariantCulture));
        });
        await MetricAsync(connector, $"kafka_connector_dead_letters_total{{topic=\"{scene.Topic}\"}}", 9);
        await MetricAsync(connector, $"kafka_connector_events_total{{topic=\"{scene.Topic}\",verdict=\"completed\"}}", 81);
    }

    [Fact]
    public async Task A_tombstone_without_key_dies_as_what_it_was()
    {
        await using var scene = await Scene.StartAsync();
        scene.Kafka.CreateTopic("lost", 1);
        _ = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(400));
        await using var connector = await scene.RunConnectorAsync("on_failure", "dead_letter", "dead_letter_topic", "lost");

        await scene.Producer.ProduceAsync(scene.Topic, new Message<string?, byte[]?> { Key = null, Value = null });

        await scene.CommitsAllAsync(1, 1);
        var letter = Assert.Single(Clients.ReadAll(scene.Kafka.BootstrapServers, "lost", 1));
        Assert.Null(letter.Message.Key);
        Assert.Null(letter.Message.Value);
        Assert.Equal("1", Header(letter, "X-Dead-Attempts"));
    }

    [Fact]
    public async Task A_dead_letter_that_the_brokers_refuse_blocks_instead_of_being_lost()
    {
        await using var scene = await Scene.StartAsync();
        scene.Kafka.CreateTopic($"{scene.Topic}.dead", 1);
        var release = new TaskCompletionSource();
        var ledger = new FunctionLedger(scene.Gateway, async (_, _) =>
        {
            await release.Task;
            return 400;
        });
        await using var connector = await scene.RunConnectorAsync("on_failure", "dead_letter");
        await scene.ProduceAsync("k", "bad");
        await Eventually.HoldsAsync(() => ledger.Count == 1, "the event runs");

        // To the next two requests to produce (0) the broker says that the record is not valid (87).
        scene.Kafka.Fail(0, 87, 87);
        release.SetResult();

        await scene.CommitsAllAsync(1, 1);
        Assert.Equal(3, ledger.Count);
        Assert.Single(Clients.ReadAll(scene.Kafka.BootstrapServers, $"{scene.Topic}.dead", 1));
        await MetricAsync(connector, $"kafka_connector_dead_letter_failures_total{{topic=\"{scene.Topic}\"}}", 2);
        Assert.Contains(connector.Lines, line => line.Contains("Dead letter not written", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(MessageTooLarge, 1, "headers=1")]
    [InlineData(MessageTooLarge, 2, "headers=1 value=3 key=1")]
    [InlineData(RecordListTooLarge, 1, "headers=1")]
    [InlineData(RecordListTooLarge, 2, "headers=1 value=3 key=1")]
    public async Task A_dead_letter_that_is_too_large_for_the_brokers_is_written_without_a_part_of_the_record(int refusal, int refusals, string dropped)
    {
        await using var scene = await Scene.StartAsync();
        scene.Kafka.CreateTopic($"{scene.Topic}.dead", 1);
        var release = new TaskCompletionSource();
        _ = new FunctionLedger(scene.Gateway, async (_, _) =>
        {
            await release.Task;
            return 400;
        });
        await using var connector = await scene.RunConnectorAsync("on_failure", "dead_letter");
        await scene.ProduceAsync("k", "bad", headers: new Headers { { "Colour", "red"u8.ToArray() } });
        await scene.Gateway.ReceivesAsync(1);

        scene.Kafka.Fail(0, [.. Enumerable.Repeat(refusal, refusals)]);
        release.SetResult();

        await scene.CommitsAllAsync(1, 1);
        var letter = Assert.Single(Clients.ReadAll(scene.Kafka.BootstrapServers, $"{scene.Topic}.dead", 1));
        Assert.Null(Header(letter, "Colour"));
        Assert.Equal(dropped, Header(letter, "X-Dead-Dropped"));
        Assert.Equal("answered 400", Header(letter, "X-Dead-Reason"));
        Assert.Equal(refusals == 1, letter.Message.Value is not null);
        Assert.Equal(refusals == 1, letter.Message.Key is not null);
        await MetricAsync(connector, $"kafka_connector_dead_letters_reduced_total{{topic=\"{scene.Topic}\"}}", refusals);
    }

    [Fact]
    public async Task A_refusal_for_size_concerns_one_dead_letter_of_many_that_are_written_at_once()
    {
        const int Letters = 300, Refusals = 30;
        await using var scene = await Scene.StartAsync();
        scene.Kafka.CreateTopic($"{scene.Topic}.dead", 1);
        var release = new TaskCompletionSource();
        _ = new FunctionLedger(scene.Gateway, async (_, _) =>
        {
            await release.Task;
            return 422;
        });
        await using var connector = await scene.RunConnectorAsync("on_failure", "dead_letter", "concurrency", "none", "max_inflight", $"{Letters}", "partition_buffer", $"{Letters}");
        for (var i = 0; i < Letters; i++)
        {
            scene.Send("k", "bad");
        }

        await scene.FlushAsync();
        await scene.Gateway.ReceivesAsync(Letters);

        // Each stands for a batch that is over the limit of the topic.
        scene.Kafka.Fail(0, [.. Enumerable.Repeat(MessageTooLarge, Refusals)]);
        release.SetResult();

        await scene.CommitsAllAsync(1, Letters);
        var reduced = await connector.MetricAsync($"kafka_connector_dead_letters_reduced_total{{topic=\"{scene.Topic}\"}}") ?? 0;
        var failed = await connector.MetricAsync($"kafka_connector_dead_letter_failures_total{{topic=\"{scene.Topic}\"}}") ?? 0;
        Assert.Equal(Refusals, reduced + failed);
        var letters = Clients.ReadAll(scene.Kafka.BootstrapServers, $"{scene.Topic}.dead", 1);
        Assert.Equal(Letters, letters.Count);
        Assert.InRange(letters.Count(letter => Header(letter, "X-Dead-Dropped") is not null), 1, Refusals);
    }

    [Fact]
    public async Task Skipped_events_are_counted_and_passed()
    {
        await using var scene = await Scene.StartAsync();
        var ledger = new FunctionLedger(scene.Gateway, (delivery, _) => Task.FromResult(delivery.Text == "bad" ? 503 : 200));
        await using var connector = await scene.RunConnectorAsync("on_failure", "skip", "max_retry_attempts", "3");
        await scene.ProduceAsync("k", "bad");
        await scene.ProduceAsync("k", "good");

        await scene.CommitsAllAsync(1, 2);

        Assert.Equal(3, ledger.Deliveries.Count(d => d.Text == "bad"));
        await MetricAsync(connector, $"kafka_connector_events_total{{topic=\"{scene.Topic}\",verdict=\"skipped\"}}", 1);
        await MetricAsync(connector, $"kafka_connector_retries_total{{topic=\"{scene.Topic}\"}}", 2);
        Assert.Contains(connector.Lines, line => line.Contains("Event skipped", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_gateway_that_is_away_uses_up_no_attempt()
    {
        await using var scene = await Scene.StartAsync();
        var answers = 0;
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(Interlocked.Increment(ref answers) == 1 ? 503 : 200));
        await using var connector = await scene.RunConnectorAsync("on_failure", "skip", "max_retry_attempts", "2");

        await scene.Gateway.StopAsync();
        await scene.ProduceAsync("k", "x");
        await Eventually.HoldsAsync(
            async () => await connector.MetricAsync($"kafka_connector_retries_total{{topic=\"{scene.Topic}\"}}") > 2, "it is tried again, more often than it has attempts");
        await scene.Gateway.StartAgainAsync();

        await scene.CommitsAllAsync(1, 1);
        Assert.Equal((1, 2), (ledger.Taken, ledger.Count));
        Assert.Null(await connector.MetricAsync($"kafka_connector_events_total{{topic=\"{scene.Topic}\",verdict=\"skipped\"}}"));
    }

    // In the words of the platform: its provider is away, its function has no process or runs as many calls as it takes.
    [Theory]
    [InlineData("skip", 502, "gateway")]
    [InlineData("skip", 503, "proxy")]
    [InlineData("dead_letter", 429, "faas-middleware")]
    public async Task A_function_that_is_down_or_full_uses_up_no_attempt(string onFailure, int status, string source)
    {
        await using var scene = await Scene.StartAsync();
        scene.Kafka.CreateTopic($"{scene.Topic}.dead", 1);
        var refusals = 5;
        var ledger = new FunctionLedger(scene.Gateway, (_, http) =>
        {
            if (Interlocked.Decrement(ref refusals) < 0)
            {
                return Task.FromResult(200);
            }

            http.Response.Headers["X-OpenFaaS-Internal"] = source;
            return Task.FromResult(status);
        });
        await using var connector = await scene.RunConnectorAsync("on_failure", onFailure, "max_retry_attempts", "2");

        await scene.ProduceAsync("k", "x");

        await scene.CommitsAllAsync(1, 1);
        Assert.Equal((1, 6), (ledger.Taken, ledger.Count));
        await MetricAsync(connector, $"kafka_connector_events_total{{topic=\"{scene.Topic}\",verdict=\"completed\"}}", 1);
        Assert.Empty(Clients.ReadAll(scene.Kafka.BootstrapServers, $"{scene.Topic}.dead", 1));
    }

    [Fact]
    public async Task An_event_over_the_gateways_limit_is_not_sent_again_and_ends_as_configured()
    {
        await using var scene = await Scene.StartAsync();
        var ledger = new FunctionLedger(scene.Gateway, (delivery, _) => Task.FromResult(delivery.Text.Length > 1000 ? 413 : 200));
        await using var connector = await scene.RunConnectorAsync("on_failure", "skip");
        await scene.ProduceAsync("k", new string('x', 2000));
        await scene.ProduceAsync("k", "small");

        await scene.CommitsAllAsync(1, 2);

        Assert.Single(ledger.Deliveries, d => d.Text.Length > 1000);
        Assert.Contains(connector.Lines, line => line.Contains("Event skipped", StringComparison.Ordinal) && line.Contains("413", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Of_two_functions_only_the_one_that_failed_is_called_again()
    {
        await using var scene = await Scene.StartAsync();
        scene.Gateway.Functions = [ListedFunction.Wanting(scene.Topic, "good"), ListedFunction.Wanting(scene.Topic, "bad")];
        var bad = 0;
        scene.Gateway.Answer = (request, http) =>
        {
            http.Response.StatusCode = request.Path.Contains("bad", StringComparison.Ordinal) && Interlocked.Increment(ref bad) < 3 ? 500 : 200;
            return Task.CompletedTask;
        };
        await using var connector = await scene.RunConnectorAsync();
        await scene.ProduceAsync("k", "x");

        await scene.CommitsAllAsync(1, 1);

        Assert.Single(scene.Gateway.Calls, call => call.Path.Contains("good", StringComparison.Ordinal));
        Assert.Equal(3, scene.Gateway.Calls.Count(call => call.Path.Contains("bad", StringComparison.Ordinal)));
        Assert.Single(scene.Gateway.Calls.Select(call => call.CallId).Distinct());
    }

    private static string? Header(ConsumeResult<byte[]?, byte[]?> record, string name) =>
        record.Message.Headers.TryGetLastBytes(name, out var value) ? Encoding.UTF8.GetString(value) : null;

    private static Task MetricAsync(RunningConnector connector, string sample, double expected) =>
        Eventually.HoldsAsync(async () => await connector.MetricAsync(sample) == expected, $"{sample} is {expected}");
}
