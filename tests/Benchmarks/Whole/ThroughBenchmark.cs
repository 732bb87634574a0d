namespace Connectors.Benchmarks.Whole;

/// <summary>The whole way: calls accepted as fast as they come while a worker runs them; counted from the first request until the last has run. The baseline is a bare gateway and a bare loop.</summary>
internal static class ThroughBenchmark
{
    private const string Bare = "bare parts";
    private const string Gateway = "through the gateway";

    internal static async Task<Report> RunAsync(BenchmarkRequest request)
    {
        var pipelines = new List<Pipeline>();
        var contestants = new List<Contestant>();
        var bare = await Pipeline.StartAsync(Build.Own);
        pipelines.Add(bare);
        await bare.CreateStreamAsync();
        await bare.WithBareGatewayAsync();
        await bare.WithBaselineAsync("pull", $"{bare.NatsUrl},{bare.Sync}");
        contestants.Add(new(Bare, bare.Parts, duration => MeasureAsync(bare, duration)));
        foreach (var build in request.Builds)
        {
            await AddAsync(build, Gateway, isDirect: false);
        }

        if (DirectCalls.AreKnown)
        {
            await AddAsync(Build.Own, DirectCalls.Name, isDirect: true);
        }

        var report = await Contest.RunAsync(
            "Accepted and run: 1 KiB posted over 32 connections, file store, one worker with max_inflight=32", "calls", [Bare, Gateway], request, contestants);
        await Pipeline.EndAsync(pipelines);
        return report;

        async Task AddAsync(Build build, string name, bool isDirect)
        {
            var pipeline = await Pipeline.StartAsync(build);
            pipelines.Add(pipeline);
            await (await pipeline.WithGatewayAsync()).WithWorkerAsync(isDirect ? DirectCalls.To(pipeline.Function) : []);
            contestants.Add(new(build.Named(name), pipeline.Parts, duration => MeasureAsync(pipeline, duration)));
        }
    }

    private static async Task<(Sample Sample, double Count)> MeasureAsync(Pipeline pipeline, TimeSpan duration)
    {
        await pipeline.Function.ForgetAsync();
        var load = await Load.RunAsync(pipeline.Async, duration);
        var accepted = load["requests"] - load["refused"];
        var ran = await pipeline.Function.RanAsync(accepted, "what was accepted is run");
        return (new Sample(accepted / ran.Time("seconds_ns").TotalSeconds, ran.Latency, (long)(load["refused"] + load["broken"])), accepted);
    }
}
