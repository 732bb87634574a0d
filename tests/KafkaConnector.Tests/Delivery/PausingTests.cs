using System.Globalization;
using Confluent.Kafka;
using Connectors.Kafka.Ordering;
using Connectors.Testing;

namespace Connectors.Kafka.Tests.Delivery;

/// <summary>Partitions that are paused because enough of them is in memory.</summary>
public class PausingTests
{
    // More are there than the client would fetch ahead, so that no request stands at the broker whose answer would wake it. Were each pause to last until
    // something else does, up to a second, so many would take longer than anything is waited for.
    [Fact]
    public async Task A_backlog_many_times_the_buffer_goes_on_after_each_pause()
    {
        await using var scene = await Scene.StartAsync();
        var ledger = new FunctionLedger(scene.Gateway, (_, _) => Task.FromResult(200));
        for (var i = 0; i < 2_000; i++)
        {
            scene.Send("k", i.ToString(CultureInfo.InvariantCulture));
        }

        await scene.FlushAsync();
        await using var connector = await scene.RunConnectorAsync("partition_buffer", "2", "kafka_topic_metadata_refresh_interval_ms", "300000");

        await Eventually.HoldsAsync(() => ledger.Taken >= 500, () => $"500 events are taken; {ledger.Taken} are");
        Assert.Empty(ledger.OutOfOrder());
    }

    // Of no partition as much as it may hold alone (8 MiB); a mock broker keeps 5 MiB of each.
    [Fact]
    public async Task While_a_function_hangs_all_partitions_together_hold_what_a_replica_may_and_all_go_on_then()
    {
        const int partitions = 20;
        const int each = 16;
        await using var scene = await Scene.StartAsync(partitions);
        var gate = new TaskCompletionSource();
        scene.Gateway.Answer = (_, http) => gate.Task.WaitAsync(http.RequestAborted);
        var body = new byte[250_000];
        await Task.WhenAll(Enumerable.Range(0, partitions * each).Select(i => scene.Producer.ProduceAsync(
            new TopicPartition(scene.Topic, i % partitions), new Message<string?, byte[]?> { Value = body })));
        await using var connector = await scene.RunConnectorAsync();
        double? held = null;
        await Eventually.HoldsAsync(
            async () => await HeldAsync("paused_partitions") > 0 && (held = await HeldAsync("held_bytes")) >= Backlog.MaxHeldBytes, "as much as may be is held");

        // A partition that read one more once it was too much was paused then. In all there are 80 MB.
        Assert.True(held < Backlog.MaxHeldBytes + Backlog.MaxOfParts + (partitions * (body.Length + 1_000)), $"{held} bytes are held");
        gate.SetResult();

        await scene.CommitsAllAsync(partitions, partitions * each);
        await Eventually.HoldsAsync(async () => await HeldAsync("held_bytes") == 0, "nothing is held");

        Task<double?> HeldAsync(string what) => connector.MetricAsync($"kafka_connector_{what}{{group=\"{scene.Group}\"}}");
    }
}
