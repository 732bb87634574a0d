using Connectors.Sdk.Hosting;
using Connectors.Testing;

namespace Connectors.QueueWorker.Tests;

/// <summary>Functions that are called where they are, without the gateway.</summary>
public sealed class DirectCallTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Fact]
    public async Task A_function_is_called_at_its_own_address_with_the_same_headers_and_counts()
    {
        var first = true;
        await using var http = await HttpLedger.StartAsync((_, http) =>
        {
            (http.Response.StatusCode, first) = (first ? 503 : 200, false);
            return Task.CompletedTask;
        });
        await using var bench = await Bench.StartAsync(
            options: new()
            {
                ["direct_functions"] = "true",
                ["function_url"] = $"{http.Url}at/{{namespace}}/{{name}}/",
                ["gateway_url"] = "http://127.0.0.1:1",
            },
            server: nats.Server);

        var call = await bench.EnqueueAsync(Bench.Call() with { Path = "/a%2Fb", Query = "q=1" }, "hi");
        await bench.IsEmptyAsync();

        Assert.Equal(["1", "2"], http.Requests.Select(r => r.Header("X-Attempt")));
        Assert.All(http.Requests, r => Assert.Equal(
            ("/at/openfaas-fn/echo/a%2Fb", "q=1", "hi", call.CallId, call.DeliveryId, "1m"),
            (r.Path, r.Query, r.Text, r.CallId, r.Header("X-Delivery-Id"), r.Header("X-Timeout"))));
        var labels = $"queue_name=\"{bench.Queue}\",function_name=\"echo.openfaas-fn\"";
        Assert.Equal(1, await bench.Worker.MetricAsync($"queue_worker_attempts_total{{{labels},code=\"503\"}}"));
        await Eventually.HoldsAsync(async () => await bench.Worker.MetricAsync($"queue_worker_call_ends_total{{{labels},end=\"succeeded\"}}") == 1, "its end is told");
    }

    // Names lead to addresses: of one that nobody has listed, or that is several parts of a host name, the caller would choose which.
    [Theory]
    [InlineData("echo", "openfaas-fn", true, false)]
    [InlineData("echo.internal", "openfaas-fn", false, false)]
    [InlineData("echo", "openfaas-fn.internal", false, false)]
    [InlineData("..", "openfaas-fn", false, false)]
    [InlineData("my_Echo-2", "openfaas-fn", false, true)]
    public async Task A_function_that_nobody_has_listed_or_whose_name_has_a_dot_is_called_through_the_gateway(string name, string ns, bool isUnlisted, bool isDirect)
    {
        await using var functions = await HttpLedger.StartAsync();
        await using var bench = await Bench.StartAsync(
            options: new() { ["direct_functions"] = "true", ["function_url"] = $"{functions.Url}at/{{namespace}}/{{name}}" }, server: nats.Server);

        var call = await bench.EnqueueAsync(Bench.Call(new(name, ns)) with { IsUnlisted = isUnlisted });
        await bench.IsEmptyAsync();

        Assert.Equal(isDirect ? 1 : 0, functions.Requests.Count(request => request.CallId == call.CallId));
        Assert.Equal(isDirect ? 0 : 1, bench.Sends.Count(request => request.CallId == call.CallId));
    }

    [Theory]
    [InlineData("http://functions:8080")]
    [InlineData("{name}:8080")]
    [InlineData("ftp://{name}")]
    [InlineData("http://{name}/?of={namespace}")]
    public void An_address_without_the_functions_name_or_that_is_none_is_refused(string url)
    {
        var settings = new Settings(new Dictionary<string, string> { ["function_url"] = url });
        QueueWorkerOptions.Read(settings);

        Assert.Contains("function_url: ", Assert.Single(settings.Errors), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://{name}.{namespace}.svc.cluster.local:8080", "http://fn.ns.svc.cluster.local:8080")]
    [InlineData("https://{namespace}/{name}/", "https://ns/fn")]
    public void Names_take_their_places_in_the_address(string template, string address)
    {
        var options = QueueWorkerOptions.Read(new Settings(new Dictionary<string, string> { ["function_url"] = template }));

        Assert.Equal(address, options.Dispatch.AddressOf(new("fn", "ns")));
    }
}
