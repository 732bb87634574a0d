using System.Globalization;
using Connectors.Streams.Records;
using Connectors.Testing;

namespace Connectors.QueueWorker.Tests;

/// <summary>What can be counted is shown before anything is: Prometheus sees an increase only from one sample to the next, and tells by its absence that there is no worker.</summary>
public sealed class CountsTests
{
    [Fact]
    public async Task A_worker_that_has_not_reached_NATS_shows_each_count_that_alerts_ask_for()
    {
        await using var worker = await ServiceProcess.StartAsync(
            "QueueWorker",
            new Dictionary<string, string> { ["queue_name"] = "q", ["nats_host"] = "127.0.0.1", ["nats_port"] = FreePort.Next().ToString(CultureInfo.InvariantCulture) },
            ready: false);

        Assert.Equal(0, await worker.MetricAsync("queue_worker_messages_processed_total{queue_name=\"q\"}"));
        Assert.Equal(0, await worker.MetricAsync("queue_worker_history_dropped_total{queue_name=\"q\"}"));
        foreach (var reason in DeadReasons.All)
        {
            Assert.Equal(0, await worker.MetricAsync($"queue_worker_dead_letters_total{{queue_name=\"q\",reason=\"{reason}\"}}"));
        }

        var started = await worker.MetricAsync("service_start_time_seconds") ?? 0;
        Assert.InRange(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() - started, -1, Eventually.Patience.TotalSeconds);
    }

    [Fact]
    public void Every_reason_is_among_all() =>
        Assert.Equal(typeof(DeadReasons).GetFields().Select(field => (string)field.GetRawConstantValue()!).Order(), DeadReasons.All.Order());
}
