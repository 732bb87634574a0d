using System.Globalization;

namespace Connectors.Benchmarks.Whole;

/// <summary>How fast calls get their 202, each after nats-server stored it; nobody runs them meanwhile. The baseline publishes the same messages and waits for their acks.</summary>
internal static class AcceptBenchmark
{
    internal static async Task<Report> RunAsync(BenchmarkRequest request)
    {
        await using var bare = await Pipeline.StartAsync(Build.Own);
        await bare.CreateStreamAsync();
        var publisher = await bare.WithBaselineAsync("publish", bare.NatsUrl);
        using var http = new HttpClient(new SocketsHttpHandler());
        var contestants = new List<Contestant>
        {
            new("a bare publisher", bare.Parts, async duration =>
            {
                var measured = Sample.Of(new Figures(await http.GetStringAsync(new Uri(publisher, $"/?seconds={duration.TotalSeconds.ToString(CultureInfo.InvariantCulture)}"))));
                await bare.PurgeAsync();
                return measured;
            }),
        };
        var pipelines = new List<Pipeline>();
        foreach (var build in request.Builds)
        {
            var pipeline = await Pipeline.StartAsync(build);
            pipelines.Add(await pipeline.WithGatewayAsync());
            contestants.Add(new(build.Named("the gateway"), pipeline.Parts, async duration =>
            {
                var measured = Sample.Of(await Load.RunAsync(pipeline.Async, duration));
                await pipeline.PurgeAsync();
                return measured;
            }));
        }

        var report = await Contest.RunAsync("Asynchronous calls accepted: 1 KiB posted over 32 connections, file store, no worker", "calls", ["a bare publisher"], request, contestants);
        await Pipeline.EndAsync(pipelines);
        return report;
    }
}
