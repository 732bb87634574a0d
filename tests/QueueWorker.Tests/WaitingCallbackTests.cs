using Connectors.Testing;

namespace Connectors.QueueWorker.Tests;

/// <summary>What the gauges tell of callbacks that are not delivered yet.</summary>
public sealed class WaitingCallbackTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Fact]
    public async Task Callbacks_count_as_waiting_and_grow_old_until_their_receiver_has_them()
    {
        var gate = new TaskCompletionSource();
        await using var bench = await Bench.StartAsync(
            (request, http) => request.Path == "/callback" ? gate.Task.WaitAsync(http.RequestAborted) : Task.CompletedTask, server: nats.Server);
        await Eventually.HoldsAsync(async () => await GaugesAsync(bench) is (0, 0), "none waits");

        await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        await bench.EnqueueAsync();
        await Eventually.HoldsAsync(async () => await GaugesAsync(bench) is (2, > 0), "two wait, and for some time");

        gate.SetResult();
        await bench.IsEmptyAsync();
        await Eventually.HoldsAsync(async () => await GaugesAsync(bench) is (0, 0), "none waits any more");
    }

    private static async Task<(double? Waiting, double? Oldest)> GaugesAsync(Bench bench)
    {
        var queue = $"{{queue_name=\"{bench.Queue}\"}}";
        return (await bench.Worker.MetricAsync("queue_worker_waiting_callbacks" + queue), await bench.Worker.MetricAsync("queue_worker_oldest_callback_seconds" + queue));
    }
}
