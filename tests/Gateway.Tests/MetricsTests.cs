using System.Globalization;
using System.Text.RegularExpressions;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Gateway.Tests;

/// <summary>The names and labels that OpenFaaS's dashboards and scalers read, and how connections to the port that has them, and to the others, end.</summary>
public sealed partial class MetricsTests
{
    [Fact]
    public async Task Calls_functions_and_requests_are_counted_under_the_names_of_OpenFaaS()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await gateway.DeployAsync("counted", "cat", environment: new { a = "b" });
        for (var i = 0; i < 3; i++)
        {
            await gateway.PostAsync("/function/counted", "hi");
        }

        await gateway.PostAsync("/async-function/counted", "hi");
        foreach (var name in Enumerable.Range(0, 50))
        {
            await gateway.PostAsync($"/function/random-{name.ToString(CultureInfo.InvariantCulture)}", "");
        }

        await Eventually.HoldsAsync(async () => await gateway.Process.MetricAsync("""gateway_service_count{function_name="counted.openfaas-fn"}""") == 1, "the function is shown");
        await CountedAsync(
            gateway,
            ("""gateway_function_invocation_total{function_name="counted.openfaas-fn",code="200"}""", 3),
            ("""gateway_function_invocation_started{function_name="counted.openfaas-fn"}""", 3),
            ("""gateway_function_invocation_inflight{function_name="counted.openfaas-fn"}""", 0),
            ("""gateway_functions_seconds_count{function_name="counted.openfaas-fn",code="200"}""", 3),
            ("""gateway_function_invocation_total{function_name="unknown",code="404"}""", 50),
            ("""gateway_service_min{function_name="counted.openfaas-fn"}""", 1),
            ("""gateway_service_target_load{function_name="counted.openfaas-fn",scaling_type="rps"}""", 50),
            ("""http_requests_total{method="POST",path="/async-function",status="202"}""", 1),
            ("""http_requests_total{method="POST",path="/system/functions",status="202"}""", 1),
            ("""provider_http_requests_total{code="202",method="POST",path="/system/functions"}""", 1),
            ("""gateway_async_requests_total{queue_name="faas-request",code="202"}""", 1));

        Assert.Empty(await Promtool.ObjectionsAsync(
            gateway.Process, "gateway_function_invocation_started", "gateway_service_count", "gateway_service_ready_count"));

        await gateway.SystemAsync(HttpMethod.Delete, "functions", new { functionName = "counted" }, System.Net.HttpStatusCode.Accepted);
        await Eventually.HoldsAsync(async () => await gateway.Process.MetricAsync("""gateway_service_count{function_name="counted.openfaas-fn"}""") is null, "a deleted function is gone");
    }

    [Fact]
    public async Task A_deleted_function_leaves_no_samples_once_its_last_call_has_ended_and_is_counted_anew_when_it_comes_back()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var function = await HttpLedger.StartAsync((request, http) => request.Path == "/slow" ? gate.Task.WaitAsync(http.RequestAborted) : Task.CompletedTask);
        await using var gateway = await TestGateway.StartAsync();
        await gateway.DeployAsync("passing", function.Url);
        await gateway.DeployAsync("staying", function.Url);
        (await gateway.PostAsync("/function/passing", "")).Dispose();
        (await gateway.PostAsync("/function/staying", "")).Dispose();
        var slow = gateway.PostAsync("/function/passing/slow", "");
        await function.ReceivesAsync(3);
        await CountedAsync(gateway, ("""gateway_service_count{function_name="passing.openfaas-fn"}""", 1), ("""gateway_function_invocation_inflight{function_name="passing.openfaas-fn"}""", 1));

        var deleting = gateway.SystemAsync(HttpMethod.Delete, "functions", new { functionName = "passing" }, System.Net.HttpStatusCode.Accepted);
        await Eventually.HoldsAsync(async () => await gateway.Process.MetricAsync("""gateway_service_count{function_name="passing.openfaas-fn"}""") is null, "it is listed no more");
        Assert.Equal(1, await gateway.Process.MetricAsync("""gateway_function_invocation_inflight{function_name="passing.openfaas-fn"}"""));

        gate.SetResult();
        (await slow).Dispose();
        await deleting;
        await Eventually.HoldsAsync(async () => !(await PageAsync()).Contains("passing", StringComparison.Ordinal), "nothing is left of it");
        Assert.Equal(1, await gateway.Process.MetricAsync("""gateway_function_invocation_total{function_name="staying.openfaas-fn",code="200"}"""));

        await gateway.DeployAsync("passing", function.Url);
        (await gateway.PostAsync("/function/passing", "")).Dispose();
        await CountedAsync(
            gateway,
            ("""gateway_function_invocation_total{function_name="passing.openfaas-fn",code="200"}""", 1),
            ("""gateway_function_invocation_started{function_name="passing.openfaas-fn"}""", 1),
            ("""gateway_function_invocation_inflight{function_name="passing.openfaas-fn"}""", 0));

        Task<string> PageAsync() => gateway.Http.GetStringAsync(new Uri(gateway.Process.Metrics, "/metrics"));
    }

    [Fact]
    public async Task Every_request_below_system_and_every_async_call_is_counted_and_what_is_followed_has_no_duration()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await gateway.DeployAsync("counted", "cat");
        await gateway.SystemAsync(HttpMethod.Get, "queues");
        await gateway.SystemAsync(HttpMethod.Get, "queues/nosuch/dead", expected: System.Net.HttpStatusCode.NotFound);
        await gateway.SystemAsync(HttpMethod.Get, "calls/cancellations/count");
        await gateway.SystemAsync(HttpMethod.Get, "connectors");
        await gateway.SystemAsync(HttpMethod.Get, "nothing", expected: System.Net.HttpStatusCode.NotFound);
        using var called = await gateway.PostAsync("/function/counted", "hi", ("X-Invoke-Mode", "async"));
        Assert.Equal(202, (int)called.StatusCode);
        using (var follow = new HttpRequestMessage(HttpMethod.Get, new Uri(gateway.Api, "/system/overview/events")))
        {
            follow.Headers.TryAddWithoutValidation("Authorization", TestGateway.Admin);
            using var events = await gateway.Http.SendAsync(follow, HttpCompletionOption.ResponseHeadersRead);
            Assert.Equal(200, (int)events.StatusCode);
        }

        await CountedAsync(
            gateway,
            ("""http_requests_total{method="GET",path="/system/queues",status="200"}""", 1),
            ("""http_requests_total{method="GET",path="/system/queues",status="404"}""", 1),
            ("""http_requests_total{method="GET",path="/system/calls",status="200"}""", 1),
            ("""http_requests_total{method="GET",path="/system/connectors",status="200"}""", 1),
            ("""http_requests_total{method="GET",path="/system",status="404"}""", 1),
            ("""http_requests_total{method="POST",path="/async-function",status="202"}""", 1),
            ("""http_requests_total{method="GET",path="/system/overview",status="200"}""", 1),
            ("""http_request_duration_seconds_count{method="GET",path="/system/queues",status="200"}""", 1),
            ("""http_request_duration_seconds_count{method="GET",path="/system/overview",status="200"}""", 0));
        Assert.Null(await gateway.Process.MetricAsync("""provider_http_requests_total{code="200",method="GET",path="/system/queues"}"""));
    }

    [Fact]
    public async Task A_caller_who_left_with_half_of_the_body_unsent_counts_as_answered_with_no_success()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await gateway.DeployAsync("left", "cat");

        using (var caller = await RawHttp.ConnectAsync(gateway.Api))
        {
            await caller.SendAsync("POST /async-function/left HTTP/1.1\r\nHost: gateway\r\nContent-Length: 100\r\n\r\nhalf");
        }

        // Whether the server tells first that the caller is gone, or that the body has ended too early.
        await Eventually.HoldsAsync(async () => (await CountAsync(499) ?? 0) + (await CountAsync(400) ?? 0) == 1, "it is counted");
        Assert.Null(await CountAsync(200));

        Task<double?> CountAsync(int status) => gateway.Process.MetricAsync($$"""http_requests_total{method="POST",path="/async-function",status="{{status}}"}""");
    }

    // Prometheus tells by it that there is no gateway.
    [Fact]
    public async Task A_gateway_without_functions_that_has_not_reached_NATS_shows_that_it_is_there()
    {
        await using var gateway = await TestGateway.StartUnreadyAsync(("faas_nats_address", "127.0.0.1"), ("faas_nats_port", FreePort.Next().ToString(CultureInfo.InvariantCulture)));

        Assert.Equal(0, await gateway.Process.MetricAsync("gateway_nats_reconnect_total"));
        Assert.NotNull(await gateway.Process.MetricAsync("service_start_time_seconds"));
        Assert.Null(await gateway.Process.MetricAsync("connector_topic_map_timestamp_seconds"));
    }

    // OpenFaaS's autoscaler is given rules of its operator's own, and functions name one of them.
    [Fact]
    public async Task A_function_that_somebody_elses_rule_scales_is_shown_with_that_rule()
    {
        await using var embedded = await TestGateway.StartAsync();
        await using var remote = await TestGateway.StartAsync(null, ("functions_provider_url", embedded.Api.AbsoluteUri), ("basic_auth", "true"));
        var labels = new Dictionary<string, string> { ["com.openfaas.scale.type"] = "latency", ["com.openfaas.scale.target"] = "0.5" };
        await embedded.SystemAsync(HttpMethod.Post, "functions", new { service = "ruled", envProcess = "cat", labels }, System.Net.HttpStatusCode.Accepted);

        foreach (var gateway in new[] { embedded, remote })
        {
            await CountedAsync(gateway, ("""gateway_service_target_load{function_name="ruled.openfaas-fn",scaling_type="latency"}""", 0.5));
        }
    }

    // As a router does that mends paths; and one that passes over the namespace, which has a function in each.
    [Theory]
    [InlineData("false", "random-{0}")]
    [InlineData("true", "one.random-{0}")]
    public async Task Names_that_a_provider_redirects_are_counted_as_unknown(string scaleFromZero, string form)
    {
        const int Names = 50;
        await using var provider = await HttpLedger.StartAsync(async (request, http) =>
        {
            if (request.Path == "/system/function/one")
            {
                await http.Response.WriteAsync("""{"name":"one","image":"x","replicas":1,"availableReplicas":1}""");
                return;
            }

            if (request.Path is "/system/namespaces" or "/system/functions")
            {
                await http.Response.WriteAsync("[]");
                return;
            }

            http.Response.StatusCode = 301;
        });
        await using var gateway = await TestGateway.StartAsync(
            null, ("functions_provider_url", provider.Url.AbsoluteUri), ("basic_auth", "true"), ("scale_from_zero", scaleFromZero));

        foreach (var name in Enumerable.Range(0, Names))
        {
            using var answer = await gateway.PostAsync("/function/" + form.Replace("{0}", name.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal), "");
            Assert.Equal(301, (int)answer.StatusCode);
        }

        await CountedAsync(gateway, ("""gateway_function_invocation_total{function_name="unknown",code="301"}""", Names));
        Assert.DoesNotContain("random-", await gateway.Http.GetStringAsync(new Uri(gateway.Process.Metrics, "/metrics")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_function_that_was_found_for_its_first_call_is_counted_by_its_name()
    {
        await using var provider = await HttpLedger.StartAsync(async (request, http) =>
        {
            if (request.Path == "/system/function/fresh")
            {
                await http.Response.WriteAsync("""{"name":"fresh","image":"x","replicas":1,"availableReplicas":1}""");
            }
            else if (request.Path.StartsWith("/system/", StringComparison.Ordinal))
            {
                // No list tells of the function.
                http.Response.StatusCode = 500;
            }
        });
        await using var gateway = await TestGateway.StartAsync(
            null, ("functions_provider_url", provider.Url.AbsoluteUri), ("basic_auth", "true"), ("scale_from_zero", "true"));

        for (var i = 0; i < 3; i++)
        {
            using var answer = await gateway.PostAsync("/function/fresh", "");
            Assert.Equal(200, (int)answer.StatusCode);
        }

        await CountedAsync(gateway, ("""gateway_function_invocation_total{function_name="fresh.openfaas-fn",code="200"}""", 3));
    }

    [Fact]
    public async Task On_every_port_a_connection_is_closed_where_its_caller_asks_for_it_and_else_kept_whatever_is_answered()
    {
        await using var gateway = await TestGateway.StartAsync(null, ("scaler_port", FreePort.Next().ToString(CultureInfo.InvariantCulture)));
        var login = $"Authorization: {TestGateway.Admin}\n";
        (Uri Port, string Request, string Headers, string Status)[] asked =
        [
            (gateway.Process.Metrics, "GET /healthz", "", "200"),
            (gateway.Process.Metrics, "HEAD /readyz", "", "200"),
            (gateway.Process.Metrics, "GET /metrics", "", "200"),
            (gateway.Process.Metrics, "POST /metrics", "", "405"),
            (gateway.Process.Metrics, "GET /nothing", "", "404"),
            (gateway.Api, "GET /healthz", "", "200"),
            (gateway.Api, "GET /", "", "200"),
            (gateway.Api, "GET /", "Accept: text/html\n", "302"),
            (gateway.Api, "GET /ui/", "", "200"),
            (gateway.Api, "GET /ui/nothing.js", "", "404"),
            (gateway.Api, "GET /ui/session", "", "401"),
            (gateway.Api, "DELETE /ui/session", "", "403"),
            (gateway.Api, "GET /openapi.json", "", "200"),
            (gateway.Api, "GET /system/functions", "", "401"),
            (gateway.Api, "GET /system/functions", login, "200"),
            (gateway.Api, "GET /system/functions", login + "Origin: https://evil.test\n", "403"),
            (gateway.Api, "PATCH /system/functions", login, "405"),
            (gateway.Api, "GET /system/queues", login, "404"),
            (gateway.Api, "GET /nothing", "", "404"),
            (gateway.Api, "POST /function/none", "", "404"),
            (gateway.Api, "POST /async-function/none", "", "404"),
            (gateway.Api, "POST /externalscaler.ExternalScaler/IsActive", "", "404"),
        ];

        foreach (var (port, request, headers, status) in asked)
        {
            using var closed = await RawHttp.ConnectAsync(port);
            using var kept = await RawHttp.ConnectAsync(port);
            var once = $"{request} HTTP/1.1\nHost: x\n{headers}Content-Length: 0\n".ReplaceLineEndings("\r\n");
            await closed.SendAsync($"{once}Connection: close\r\n\r\n");
            await kept.SendAsync($"{once}\r\n{once}Connection: close\r\n\r\n");

            Assert.Equal([status, "close"], Told(await closed.ReadToEndAsync().WaitAsync(Eventually.Patience)));
            Assert.Equal([status, status, "close"], Told(await kept.ReadToEndAsync().WaitAsync(Eventually.Patience)));
        }

        static IEnumerable<string> Told(string answers) => Telling().Matches(answers).Select(match => match.Value.Split(' ')[1]);
    }

    // All at one look: a request may be counted only after its answer.
    private static async Task CountedAsync(TestGateway gateway, params (string Sample, double Value)[] expected)
    {
        var differing = "";
        await Eventually.HoldsAsync(
            async () =>
            {
                var found = new List<string>();
                foreach (var (sample, value) in expected)
                {
                    var told = await gateway.Process.MetricAsync(sample);
                    if (told != value)
                    {
                        found.Add($"{sample} is {told}, not {value}");
                    }
                }

                differing = string.Join('\n', found);
                return found.Count == 0;
            },
            () => $"all is counted:\n{differing}");
    }

    [GeneratedRegex(@"HTTP/1\.1 [0-9]{3}|\r\nConnection: \w+")]
    private static partial Regex Telling();
}
