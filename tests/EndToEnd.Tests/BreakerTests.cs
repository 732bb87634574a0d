using System.Net;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.EndToEnd.Tests;

public sealed class BreakerTests
{
    private const string RefusedAttempts = "queue_worker_attempts_total{queue_name=\"faas-request\",function_name=\"away.openfaas-fn\",code=\"502\"}";

    // Of calls that were accepted while nobody could say that there is such a function.
    private const string RefusedUnlisted = "queue_worker_attempts_total{queue_name=\"faas-request\",function_name=\"unknown\",code=\"502\"}";

    private static readonly Dictionary<string, string> OpensAtOnce = new()
    {
        ["breaker_failures"] = "1",
        ["breaker_min_wait"] = "200ms",
        ["breaker_max_wait"] = "400ms",
        ["max_retry_attempts"] = "2",
    };

    [Fact]
    public async Task A_function_that_the_gateway_cannot_reach_costs_no_attempts_until_it_is_there()
    {
        await using var pipeline = await Pipeline.StartAsync(worker: OpensAtOnce);
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

    [Fact]
    public async Task Calls_cost_no_attempts_while_a_remote_provider_is_away()
    {
        await using var provider = await HttpLedger.StartAsync(ProvideAsync);
        await using var pipeline = await StartAsync(provider, OpensAtOnce);
        await provider.StopAsync();
        for (var i = 0; i < 10; i++)
        {
            using var accepted = await pipeline.CallAsync("away", [1]);
            Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        }

        await Eventually.HoldsAsync(async () => (int)(await pipeline.QueueAsync(HttpMethod.Get))!["held"]! == 10, "all are held");
        await provider.StartAgainAsync();

        await pipeline.EndsAsync(dead: 0);
        Assert.Equal(Enumerable.Repeat("1", 10), provider.Requests.Where(IsCall).Select(request => request.Header("X-Attempt")));
    }

    [Fact]
    public async Task A_call_that_a_remote_provider_does_not_get_is_sent_again_whatever_statuses_are()
    {
        await using var provider = await HttpLedger.StartAsync(ProvideAsync);
        await using var pipeline = await StartAsync(provider, new() { ["retry_http_codes"] = "429", ["max_retry_attempts"] = "1000" });
        await provider.StopAsync();

        using var accepted = await pipeline.CallAsync("away", [1]);
        await Eventually.HoldsAsync(async () => await pipeline.Worker.MetricAsync(RefusedUnlisted) >= 1, "it did not get there");
        await provider.StartAgainAsync();

        await pipeline.EndsAsync(dead: 0);
        Assert.Single(provider.Requests, IsCall);
    }

    [Fact]
    public async Task A_probe_that_a_remote_provider_does_not_get_closes_no_breaker()
    {
        var isDown = true;
        await using var provider = await HttpLedger.StartAsync((request, http) =>
        {
            if (IsCall(request) && Volatile.Read(ref isDown))
            {
                http.Response.StatusCode = StatusCodes.Status500InternalServerError;
                http.Response.Headers["X-OpenFaaS-Internal"] = "proxy";
                return Task.CompletedTask;
            }

            return ProvideAsync(request, http);
        });
        await using var pipeline = await StartAsync(provider, OpensAtOnce);
        using var accepted = await pipeline.CallAsync("away", [1]);
        await pipeline.Worker.Process.LineAsync(line => line.Contains("Function cannot be reached", StringComparison.Ordinal), "the breaker is open");

        await provider.StopAsync();

        // A provider that did not answer the gateway within a second had not listed it.
        await Eventually.HoldsAsync(
            async () => await pipeline.Worker.MetricAsync(RefusedAttempts) >= 3 || await pipeline.Worker.MetricAsync(RefusedUnlisted) >= 3,
            () => $"probes do not get there; the worker wrote:\n{pipeline.Worker.Process.Tail()}");
        Assert.DoesNotContain(pipeline.Worker.Log, line => line.Contains("Breaker is closed", StringComparison.Ordinal));

        Volatile.Write(ref isDown, false);
        await provider.StartAgainAsync();
        await pipeline.EndsAsync(dead: 0);
        Assert.All(provider.Requests.Where(IsCall), request => Assert.Equal("1", request.Header("X-Attempt")));
    }

    private static Task<Pipeline> StartAsync(HttpLedger provider, Dictionary<string, string> worker) =>
        Pipeline.StartAsync(worker: worker, gateway: new Dictionary<string, string> { ["functions_provider_url"] = provider.Url.AbsoluteUri });

    // As one that has every function that it is asked for, and runs it.
    private static Task ProvideAsync(RecordedRequest request, HttpContext http) => IsCall(request)
        ? Task.CompletedTask
        : http.Response.WriteAsync(request.Path.StartsWith("/system/function/", StringComparison.Ordinal) ? "{\"name\":\"away\",\"namespace\":\"openfaas-fn\"}" : "[]");

    private static bool IsCall(RecordedRequest request) => request.Path.StartsWith("/function/", StringComparison.Ordinal);

    private static object Function(string upstream) => new { service = "away", image = "none", envVars = new { upstream_url = upstream } };
}
