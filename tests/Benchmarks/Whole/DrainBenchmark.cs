namespace Connectors.Benchmarks.Whole;

/// <summary>How fast one worker runs a backlog, each call acked after its function answered. The baseline pulls, calls and acks, and does nothing else.</summary>
internal static class DrainBenchmark
{
    private const string Bare = "a bare loop";
    private const int CallsForOneSecond = 4_000;

    internal static async Task<Report> RunAsync(BenchmarkRequest request)
    {
        var pipelines = new List<Pipeline>();
        var contestants = new List<Contestant>();
        await AddAsync(Build.Own, Bare, 1, async pipeline =>
        {
            await pipeline.CreateStreamAsync();
            await pipeline.WithBaselineAsync("pull", $"{pipeline.NatsUrl},{pipeline.Function.Url}");
        });
        foreach (var build in request.Builds)
        {
            await AddAsync(build, "static", 1, async pipeline => await (await pipeline.WithGatewayAsync()).WithWorkerAsync());
            foreach (var functions in new[] { 1, 100, 1_000 })
            {
                await AddAsync(build, $"function mode, {functions}", functions, async pipeline =>
                    await (await pipeline.WithGatewayAsync()).WithWorkerAsync(new KeyValuePair<string, string>("scaling_mode", "function")));
            }
        }

        if (DirectCalls.AreKnown)
        {
            await AddAsync(Build.Own, "static, " + DirectCalls.Name, 1, async pipeline => await pipeline.WithWorkerAsync(DirectCalls.To(pipeline.Function)));
        }

        var report = await Contest.RunAsync("A backlog run by one worker: max_inflight=32, 1 KiB", "calls", [Bare], request, contestants);
        await Pipeline.EndAsync(pipelines);
        return report;

        async Task AddAsync(Build build, string name, int functions, Func<Pipeline, Task> completeAsync)
        {
            var pipeline = await Pipeline.StartAsync(build, functions: functions);
            pipelines.Add(pipeline);
            await completeAsync(pipeline);
            contestants.Add(new(build.Named(name), pipeline.Parts, duration => MeasureAsync(pipeline, (int)(CallsForOneSecond * duration.TotalSeconds))));
        }
    }

    private static async Task<(Sample Sample, double Count)> MeasureAsync(Pipeline pipeline, int calls)
    {
        var ran = await pipeline.DrainAsync(calls);
        return (new Sample(ran["runs"] / ran.Time("seconds_ns").TotalSeconds, default, (long)ran["runs"] - calls), calls);
    }
}
