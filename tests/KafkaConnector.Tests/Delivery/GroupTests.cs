using System.Globalization;
using Connectors.Kafka.Ordering;
using Connectors.Kafka.Settling;
using Connectors.Sdk.Events;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Topics;
using Connectors.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Kafka.Tests.Delivery;

/// <summary>Several connectors of one group, while members come, go and die.</summary>
public class GroupTests
{
    private const int Partitions = 6;

    // As a scene's connectors have it.
    private static readonly TimeSpan SessionTimeout = TimeSpan.FromMilliseconds(4500);

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

    [Fact]
    public async Task Who_is_driven_out_by_a_process_with_the_same_instance_id_waits_and_then_joins_again()
    {
        await using var scene = await Scene.StartAsync();
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(200));
        await using var connector = await scene.RunConnectorAsync("kafka_group_instance_id", "one");
        await scene.ProduceAsync("k", "0");
        await scene.CommitsAllAsync(1, 1);

        // To the next heartbeat (12) that another member has taken the place (82).
        scene.Kafka.Fail(12, 82);
        await connector.SaysAsync("Another process has our group.instance.id");
        await scene.ProduceAsync("k", "1");

        await scene.CommitsAllAsync(1, 2);
        Assert.Equal(2, ledger.Count);
        Assert.DoesNotContain(connector.Lines, line => line.Contains("Event source failed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Who_is_driven_out_leaves_its_place_to_the_other_for_longer_than_a_session_timeout()
    {
        await using var scene = await Scene.StartAsync(Partitions);
        var options = scene.Options("kafka_group_instance_id", "one");
        var (clock, readiness) = (new FakeTimeProvider(), new Readiness());
        var backlog = new Backlog(options.Ordering, clock);
        await using var letters = new DeadLetters(options, clock, NullLogger<DeadLetters>.Instance);
        var settler = new Settler(options, new LatestTopicMap(), backlog, letters, clock, new Random(1), NullLogger<Settler>.Instance);
        await using var source = new KafkaSource(options, backlog, settler, readiness, clock, NullLogger<KafkaSource>.Instance);
        var first = source.ReadAsync(new Slots(1), CancellationToken.None).FirstAsync().AsTask();
        await GoesOnUntilAsync(() => readiness.Unmet.Count == 0, "it has partitions");

        scene.Kafka.Fail(12, 82);
        await Eventually.HoldsAsync(() => readiness.Unmet.Any(why => why.Contains("group.instance.id", StringComparison.Ordinal)), "it is driven out");
        await scene.ProduceAsync("k", "x");
        await HasAllAsync(scene);
        clock.Advance(SessionTimeout);
        await HasAllAsync(scene);
        Assert.False(first.IsCompleted);

        clock.Advance(SessionTimeout);
        await GoesOnUntilAsync(() => first.IsCompleted, "it has joined again and reads");
        await (await first).CompleteAsync(CancellationToken.None);

        // The time passes, a step with each look.
        Task GoesOnUntilAsync(Func<bool> condition, string what) => Eventually.HoldsAsync(
            () =>
            {
                clock.Advance(TimeSpan.FromMilliseconds(25));
                return condition();
            },
            what);
    }

    // Another member comes, is given all partitions, which it is only if there is no other, and leaves.
    private static async Task HasAllAsync(Scene scene)
    {
        using var other = Clients.Consumer(scene.Kafka.BootstrapServers, scene.Group, "session.timeout.ms", "4500", "heartbeat.interval.ms", "200");
        other.Subscribe(scene.Topic);
        await Eventually.HoldsAsync(
            () =>
            {
                other.Consume(TimeSpan.FromMilliseconds(50));
                return other.Assignment.Count == Partitions;
            },
            "the other has all partitions");
        other.Close();
    }

    private static async Task<double> AssignedAsync(Scene scene, ServiceProcess connector) =>
        await connector.MetricAsync($"kafka_connector_assigned_partitions{{group=\"{scene.Group}\"}}") ?? 0;
}
