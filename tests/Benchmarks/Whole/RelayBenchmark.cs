namespace Connectors.Benchmarks.Whole;

/// <summary>What the gateway costs a synchronous call: the same function asked directly and through it.</summary>
internal static class RelayBenchmark
{
    internal static async Task<Report> RunAsync(TimeSpan duration)
    {
        await using var pipeline = await Pipeline.StartAsync();
        var through = new Uri(pipeline.Gateway.Api, "/function/noop");
        await Load.RunAsync(through, TimeSpan.FromSeconds(3));

        var direct = await Load.RunAsync(pipeline.Function.Url, duration);
        var relayed = await Load.RunAsync(through, duration);

        return new Report("Synchronous calls: 1 KiB posted over 32 connections")
            .Row("", "calls/s", "median", "p99", "not 2xx")
            .Row("the function itself", direct.PerSecond, direct.Median, direct.Percentile99, direct.Refused)
            .Row("through the gateway", relayed.PerSecond, relayed.Median, relayed.Percentile99, relayed.Refused)
            .Note("Load, gateway and function share the machine.");
    }
}
