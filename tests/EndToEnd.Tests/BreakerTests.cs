using System.Net;
using Connectors.Testing;

namespace Connectors.EndToEnd.Tests;

public sealed class BreakerTests
{
    [Fact]
    public async Task A_function_that_the_gateway_cannot_reach_costs_no_attempts_until_it_is_there()
    {
        await using var pipeline = await Pipeline.StartAsync(
            worker: new Dictionary<string, string> { ["breaker_failures"] = "1", ["breaker_min_wait"] = "200ms", ["breaker_max_wait"] = "400ms", ["max_retry_attempts"] = "2" });
        await pipeline.SystemAsync(HttpMethod.Post, "functions", Function($"http://127.0.0.1:{FreePort.Next()}/"));
        for (var i = 0; i < 10; i++)
        {
            using var accepted = await pipeline.CallAsync("away", [1]);
            Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        }

        await Eventually.HoldsAsync(async () => (int)(await pipeline.QueueAsync(HttpMethod.Get))!["held"]! == 10, "all are held");
        await pipeline.SystemAsync(HttpMethod.Put, "functions", Function($"{pipeline.Function.Url}away/"));

        await pipeline.EndsAsync(dead: 0);
        Assert.Equal(Enumerable.Repeat("1", 10), pipeline.Function.Requests.Where(request => request.Path.StartsWith("/away", StringComparison.Ordinal)).Select(request => request.Header("X-Attempt")));
    }

    private static object Function(string upstream) => new { service = "away", image = "none", envVars = new { upstream_url = upstream } };
}
