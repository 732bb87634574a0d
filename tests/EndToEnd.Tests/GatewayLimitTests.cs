using System.Net;
using Connectors.Testing;

namespace Connectors.EndToEnd.Tests;

/// <summary>A worker whose calls may take longer than its gateway lets them.</summary>
public sealed class GatewayLimitTests
{
    [Fact]
    public async Task A_worker_says_that_its_gateway_cuts_calls_before_upstream_timeout()
    {
        var never = new TaskCompletionSource();
        await using var pipeline = await Pipeline.StartAsync(
            (_, http) => never.Task.WaitAsync(http.RequestAborted),
            worker: new Dictionary<string, string> { ["upstream_timeout"] = "1h", ["max_retry_attempts"] = "2" },
            gateway: new Dictionary<string, string> { ["upstream_timeout"] = "5s", ["max_upstream_timeout"] = "5s" });

        using var accepted = await pipeline.CallAsync("work", [1]);
        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        var told = await pipeline.Worker.Process.LineAsync(line => line.Contains("The gateway grants less than upstream_timeout", StringComparison.Ordinal), "it is told");
        await pipeline.EndsAsync(dead: 1);

        Assert.Contains("\"upstreamTimeout\":3600,\"granted\":5}", told, StringComparison.Ordinal);
        Assert.Equal(["1", "2"], pipeline.Function.Requests.Where(request => request.Method == "POST").Select(request => request.Header("X-Attempt")));
        Assert.Single(pipeline.Worker.Log, line => line.Contains("The gateway grants less", StringComparison.Ordinal));
        Assert.DoesNotContain(pipeline.Worker.Log, line => line.Contains("The gateway is none of ours", StringComparison.Ordinal));
    }
}
