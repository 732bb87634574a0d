using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.QueueWorker.Tests;

/// <summary>What a worker says of a gateway that may cut calls before <c>upstream_timeout</c> is over.</summary>
public sealed class GatewayLimitsTests(SharedNats nats) : IClassFixture<SharedNats>
{
    private const string OfOthers = "The gateway is none of ours";
    private const string GrantsLess = "The gateway grants less than upstream_timeout";

    // The last two may be of a function's own servers, and of something before a gateway of ours.
    [Theory]
    [InlineData(200, null, 1)]
    [InlineData(200, "openfaas-ce/0.27.9", 1)]
    [InlineData(502, "openfaas-ce/0.27.9", 1)]
    [InlineData(200, "connectors/0.1.0", 0)]
    [InlineData(200, "edge-7, connectors/0.1.0", 0)]
    [InlineData(200, "edge-7", 0)]
    [InlineData(502, null, 0)]
    public async Task That_a_gateway_of_another_system_has_a_limit_of_its_own_is_said_once(int status, string? servedBy, int times)
    {
        await using var bench = await StartAsync("1m", status, ("X-Served-By", servedBy));

        await SendThreeAsync(bench);

        Assert.Equal(times, Count(bench, OfOthers));
        Assert.Equal(0, Count(bench, GrantsLess));
    }

    [Theory]
    [InlineData("1h", 200, "30m", 1)]
    [InlineData("1h", 502, "30m", 1)]
    [InlineData("30m", 200, "30m", 0)]
    [InlineData("1h", 200, "soon", 0)]
    public async Task That_a_gateway_grants_less_than_upstream_timeout_is_said_once(string timeout, int status, string granted, int times)
    {
        await using var bench = await StartAsync(timeout, status, ("X-Served-By", "connectors/0.1.0"), ("X-Granted-Timeout", granted));

        await SendThreeAsync(bench);

        Assert.Equal(times, Count(bench, GrantsLess));
        Assert.Equal(0, Count(bench, OfOthers));
    }

    [Fact]
    public async Task Nothing_is_said_of_functions_that_are_called_where_they_are()
    {
        await using var bench = await Bench.StartAsync(
            (_, http) =>
            {
                http.Response.Headers["X-Granted-Timeout"] = "1s";
                return Task.CompletedTask;
            },
            server: nats.Server,
            worker: false);
        await bench.StartWorkerAsync(new() { ["direct_functions"] = "true", ["function_url"] = $"{bench.Http.Url}function/{{name}}" });

        await SendThreeAsync(bench);

        Assert.Equal((0, 0), (Count(bench, OfOthers), Count(bench, GrantsLess)));
    }

    private Task<Bench> StartAsync(string timeout, int status, params (string Name, string? Value)[] headers) => Bench.StartAsync(
        (_, http) =>
        {
            http.Response.StatusCode = status;
            foreach (var (name, value) in headers.Where(header => header.Value is not null))
            {
                http.Response.Headers[name] = value;
            }

            return Task.CompletedTask;
        },
        new() { ["upstream_timeout"] = timeout, ["max_retry_attempts"] = "1" },
        nats.Server);

    private static async Task SendThreeAsync(Bench bench)
    {
        for (var i = 0; i < 3; i++)
        {
            await bench.EnqueueAsync();
        }

        await bench.IsEmptyAsync();
        Assert.Equal(3, bench.Sends.Count);

        // Then all that it wrote is there.
        Assert.Equal(0, await bench.Worker.TerminateAsync());
    }

    private static int Count(Bench bench, string message) => bench.Worker.Log.Count(line => line.Contains(message, StringComparison.Ordinal));
}
