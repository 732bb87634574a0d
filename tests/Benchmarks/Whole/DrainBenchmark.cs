using Connectors.Testing;

namespace Connectors.Benchmarks.Whole;

/// <summary>How fast one worker runs a backlog, each call acked after its function answered.</summary>
internal static class DrainBenchmark
{
    private const int MaxInflight = 32;

    internal static async Task<Report> RunAsync(TimeSpan duration)
    {
        await using var pipeline = await Pipeline.StartAsync();
        await Load.RunAsync(new Uri(pipeline.Gateway.Api, "/async-function/noop"), duration);
        var stored = await pipeline.StoredAsync();

        var worker = await pipeline.StartWorkerAsync(MaxInflight);
        await Eventually.HoldsAsync(async () => await pipeline.StoredAsync() == 0, () => $"all run; the worker wrote:\n{worker.Process.Tail()}", TimeSpan.FromMinutes(10));

        var function = pipeline.Function;
        return new Report($"A backlog run by one worker: max_inflight={MaxInflight}, 1 KiB, a function that answers at once")
            .Row("calls/s", "calls", "ran", "runs", "seconds")
            .Row(function.Runs / function.Busy.TotalSeconds, stored, function.Calls, function.Runs, function.Busy.TotalSeconds)
            .Note("Worker, gateway, function and nats-server share the machine.");
    }
}
