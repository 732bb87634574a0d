namespace Connectors.Benchmarks.Whole;

/// <summary>What the queue costs a call while the machine is not busy: from the moment the caller wants to send it to the 202, and to the function's start.</summary>
internal static class LatencyBenchmark
{
    internal static async Task<Report> RunAsync(BenchmarkRequest request)
    {
        var report = new Report("From a caller to its function: 1 KiB, file store, one worker with max_inflight=32").Row("", "a second", "p50", "p99", "p99.9");
        var pipelines = new List<(Build Build, Pipeline Pipeline)>();
        foreach (var build in request.Builds)
        {
            var pipeline = await Pipeline.StartAsync(build);
            pipelines.Add((build, pipeline));
            await (await pipeline.WithGatewayAsync()).WithWorkerAsync();
            await Load.RunAsync(pipeline.Async, request.WarmUp, rate: 2_000);
            await Load.RunAsync(pipeline.Sync, request.WarmUp, rate: 2_000);
        }

        foreach (var rate in new[] { 100, 1_000 })
        {
            foreach (var (build, pipeline) in pipelines)
            {
                await MeasureAsync(report, build, pipeline, rate, request);
            }
        }

        await Pipeline.EndAsync(pipelines.Select(each => each.Pipeline));
        return report.Note($"{request.Rounds} rounds of {request.Duration.TotalSeconds:0.#} s; medians. Each call is timed from when it was due.");
    }

    private static async Task MeasureAsync(Report report, Build build, Pipeline pipeline, int rate, BenchmarkRequest request)
    {
        var (direct, sync, accepted, ran) = (new List<Latency>(), new List<Latency>(), new List<Latency>(), new List<Latency>());
        for (var round = 0; round < request.Rounds; round++)
        {
            direct.Add((await Load.RunAsync(pipeline.Function.Url, request.Duration, rate)).Latency);
            sync.Add((await Load.RunAsync(pipeline.Sync, request.Duration, rate)).Latency);
            await pipeline.Function.ForgetAsync();
            var load = await Load.RunAsync(pipeline.Async, request.Duration, rate);
            accepted.Add(load.Latency);
            ran.Add((await pipeline.Function.RanAsync(load["requests"], "what was accepted is run")).Latency);
        }

        Tell("to the function and back", direct);
        Tell("through the gateway and back", sync);
        Tell("to the 202", accepted);
        Tell("to the function's start", ran);

        void Tell(string what, List<Latency> rounds) => report.Row(
            build.Named(what), rate, Median(rounds, one => one.Median), Median(rounds, one => one.Percentile99), Median(rounds, one => one.Percentile999));
    }

    private static TimeSpan Median(List<Latency> rounds, Func<Latency, TimeSpan> part) => rounds.Select(part).Order().ElementAt(rounds.Count / 2);
}
