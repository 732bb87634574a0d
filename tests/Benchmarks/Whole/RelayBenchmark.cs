namespace Connectors.Benchmarks.Whole;

/// <summary>What the gateway costs a synchronous call: the function asked directly, through relays that do nothing else, and through the gateway.</summary>
internal static class RelayBenchmark
{
    internal static async Task<Report> RunAsync(BenchmarkRequest request)
    {
        await using var handler = await Pipeline.StartAsync(Build.Own, withNats: false);
        await using var yarp = await Pipeline.StartAsync(Build.Own, withNats: false);
        var contestants = new List<Contestant>
        {
            Of("the function itself", handler.Function.Url, []),
            Of("a bare SocketsHttpHandler", await handler.WithBaselineAsync("handler", handler.Function.Url.AbsoluteUri), handler.Parts),
            Of("YARP's forwarder", await yarp.WithBaselineAsync("yarp", yarp.Function.Url.AbsoluteUri), yarp.Parts),
        };
        var pipelines = new List<Pipeline>();
        foreach (var build in request.Builds)
        {
            var pipeline = await Pipeline.StartAsync(build, withNats: false);
            pipelines.Add(await pipeline.WithGatewayAsync());
            contestants.Add(Of(build.Named("the gateway"), pipeline.Sync, pipeline.Parts));
        }

        var report = await Contest.RunAsync("Synchronous calls: 1 KiB posted over 32 connections", "calls", ["YARP's forwarder"], request, contestants);
        await Pipeline.EndAsync(pipelines);
        return report;
    }

    private static Contestant Of(string name, Uri url, IReadOnlyList<Part> parts) => new(name, parts, async duration => Sample.Of(await Load.RunAsync(url, duration)));
}
