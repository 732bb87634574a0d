namespace Connectors.Benchmarks.Whole;

/// <summary>How fast calls get their 202, each after nats-server stored it; nobody runs them meanwhile.</summary>
internal static class AcceptBenchmark
{
    internal static async Task<Report> RunAsync(TimeSpan duration)
    {
        await using var pipeline = await Pipeline.StartAsync();
        var url = new Uri(pipeline.Gateway.Api, "/async-function/noop");
        await Load.RunAsync(url, TimeSpan.FromSeconds(3));
        var before = await pipeline.StoredAsync();

        var load = await Load.RunAsync(url, duration);

        var stored = await pipeline.StoredAsync() - before;
        return new Report("Asynchronous calls accepted: 1 KiB posted over 32 connections, file store")
            .Row("202/s", "median", "p99", "not 2xx", "answered", "stored")
            .Row(load.PerSecond, load.Median, load.Percentile99, load.Refused, load.Requests, stored)
            .Note("Load, gateway and nats-server share the machine. Stored may exceed answered by the connections that were cut at the end.");
    }
}
