using System.Globalization;

namespace Connectors.Benchmarks.Whole;

/// <summary>How fast calls get their 202, each after nats-server stored it; nobody runs them meanwhile. One baseline publishes the same messages and waits for their acks, the other has a web server before it.</summary>
internal static class AcceptBenchmark
{
    internal static async Task<Report> RunAsync(BenchmarkRequest request)
    {
        await using var bare = await Pipeline.StartAsync(Build.Own);
        await bare.CreateStreamAsync();
        var publisher = await bare.WithBaselineAsync("publish", bare.NatsUrl);
        await using var web = await Pipeline.StartAsync(Build.Own);
        await web.CreateStreamAsync();
        await web.WithBareGatewayAsync();
        using var http = new HttpClient(new SocketsHttpHandler());
        var contestants = new List<Contestant>
        {
            new("a bare publisher", bare.Parts, async duration =>
            {
                var measured = Sample.Of(new Figures(await http.GetStringAsync(new Uri(publisher, $"/?seconds={duration.TotalSeconds.ToString(CultureInfo.InvariantCulture)}"))));
                await bare.PurgeAsync();
                return measured;
            }),
            OfGateway("a bare gateway", web),
        };
        var pipelines = new List<Pipeline>();
        foreach (var build in request.Builds)
        {
            var pipeline = await Pipeline.StartAsync(build);
            pipelines.Add(await pipeline.WithGatewayAsync());
            contestants.Add(OfGateway(build.Named("the gateway"), pipeline));
        }

        var report = await Contest.RunAsync("Asynchronous calls accepted: 1 KiB posted over 32 connections, file store, no worker", "calls", ["a bare publisher", "a bare gateway"], request, contestants);
        await Pipeline.EndAsync(pipelines);
        return report;
    }

    private static Contestant OfGateway(string name, Pipeline pipeline) => new(name, pipeline.Parts, async duration =>
    {
        var measured = Sample.Of(await Load.RunAsync(pipeline.Async, duration));
        await pipeline.PurgeAsync();
        return measured;
    });
}
