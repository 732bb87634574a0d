namespace Connectors.Benchmarks.Whole;

/// <summary>What the queue costs one call on an idle system: from the caller's request to the 202, and to the function's first byte.</summary>
internal static class LatencyBenchmark
{
    private const int WarmUp = 200;

    internal static async Task<Report> RunAsync(TimeSpan duration)
    {
        await using var pipeline = await Pipeline.StartAsync();
        await pipeline.StartWorkerAsync(maxInflight: 8);
        using var http = new HttpClient(new SocketsHttpHandler());
        var url = new Uri(pipeline.Gateway.Api, "/async-function/noop");
        var (accepted, ran) = (new List<TimeSpan>(), new List<TimeSpan>());
        for (var call = 0; call < WarmUp; call++)
        {
            await CallAsync();
        }

        var start = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(start) < duration)
        {
            var (toAnswer, toFunction) = await CallAsync();
            accepted.Add(toAnswer);
            ran.Add(toFunction);
        }

        return new Report("One asynchronous call at a time: 1 KiB, file store")
            .Row($"{accepted.Count} calls", "median", "p99", "longest")
            .Row("request to 202", At(accepted, 0.5), At(accepted, 0.99), accepted.Max())
            .Row("request to the function's start", At(ran, 0.5), At(ran, 0.99), ran.Max());

        async Task<(TimeSpan ToAnswer, TimeSpan ToFunction)> CallAsync()
        {
            var sent = TimeProvider.System.GetTimestamp();
            using var answer = await http.PostAsync(url, new ByteArrayContent(new byte[1024]));
            var answered = TimeProvider.System.GetElapsedTime(sent);
            var id = answer.EnsureSuccessStatusCode().Headers.GetValues("X-Call-Id").Single();
            return (answered, TimeProvider.System.GetElapsedTime(sent, await pipeline.Function.RunsAsync(id)));
        }
    }

    private static TimeSpan At(List<TimeSpan> times, double part) => times.Order().ElementAt((int)(part * (times.Count - 1)));
}
