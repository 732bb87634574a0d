using System.Net;
using System.Text;
using Connectors.Testing;

namespace Connectors.EndToEnd.Tests;

public class AsyncCallTests
{
    [Fact]
    public async Task A_call_is_accepted_run_and_called_back()
    {
        await using var pipeline = await Pipeline.StartAsync();

        using var accepted = await pipeline.CallAsync("upper", Encoding.UTF8.GetBytes("hi"), ("X-Callback-Url", $"{pipeline.Callbacks.Url}in?k=v"));
        await pipeline.Callbacks.ReceivesAsync(1);

        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        var callId = accepted.Headers.GetValues("X-Call-Id").Single();
        var callback = pipeline.Callbacks.Requests.Single();
        Assert.Equal("POST", callback.Method);
        Assert.Equal("/in", callback.Path);
        Assert.Equal("k=v", callback.Query);
        Assert.Equal("HI", callback.Text);
        Assert.Equal(callId, callback.CallId);
        Assert.Equal("200", callback.Header("X-Function-Status"));
        Assert.Equal("upper", callback.Header("X-Function-Name"));
        Assert.Equal("text/x-upper", callback.Header("Content-Type"));
        Assert.True(double.Parse(callback.Header("X-Duration-Seconds")!) >= 0);
        Assert.NotNull(callback.Header("X-Start-Time"));
        Assert.NotNull(callback.Header("webhook-id"));
    }

    [Theory]
    [InlineData("upper")]
    [InlineData("upper.openfaas-fn")]
    public async Task A_callback_names_the_function_as_it_was_called(string called)
    {
        await using var pipeline = await Pipeline.StartAsync();

        using var accepted = await pipeline.CallAsync(called + "/below.it", [1], ("X-Callback-Url", pipeline.Callbacks.Url.ToString()));
        await pipeline.Callbacks.ReceivesAsync(1);

        var callback = pipeline.Callbacks.Requests.Single();
        Assert.Equal(called, callback.Header("X-Function-Name"));
    }

    [Fact]
    public async Task A_large_answer_is_called_back_whole_after_one_run()
    {
        var answer = new byte[400_000];
        new Random(3).NextBytes(answer);
        await using var pipeline = await Pipeline.StartAsync(
            (_, http) =>
            {
                http.Response.ContentLength = answer.Length;
                return http.Response.Body.WriteAsync(answer).AsTask();
            },
            worker: new Dictionary<string, string> { ["upstream_timeout"] = "20s" });

        using var accepted = await pipeline.CallAsync("work", [1], ("X-Callback-Url", pipeline.Callbacks.Url.ToString()));
        await pipeline.Callbacks.ReceivesAsync(1);

        Assert.Equal("200", pipeline.Callbacks.Requests.Single().Header("X-Function-Status"));
        Assert.Equal(answer, pipeline.Callbacks.Requests.Single().Body);
        Assert.Single(pipeline.Function.Requests);
    }

    [Fact]
    public async Task A_callback_may_be_another_functions_async_call_and_call_ids_may_repeat()
    {
        await using var pipeline = await Pipeline.StartAsync();

        using var first = await pipeline.CallAsync("upper", Encoding.UTF8.GetBytes("one"), ("X-Call-Id", "shared"), ("X-Callback-Url", new Uri(pipeline.Gateway.Api, "/async-function/work").ToString()));
        await pipeline.Function.ReceivesAsync(1);
        using var third = await pipeline.CallAsync("work", Encoding.UTF8.GetBytes("three"), ("X-Call-Id", "shared"));
        await pipeline.Function.ReceivesAsync(2);

        Assert.Equal(["ONE", "three"], pipeline.Function.Requests.Select(r => r.Text));
        Assert.All(pipeline.Function.Requests, r => Assert.Equal("shared", r.CallId));
        Assert.Equal(["shared"], first.Headers.GetValues("X-Call-Id"));
    }

    [Fact]
    public async Task One_idempotency_key_runs_once_for_each_function()
    {
        await using var pipeline = await Pipeline.StartAsync();

        using var first = await pipeline.CallAsync("work", [1], ("Idempotency-Key", "k-1"));
        using var repeat = await pipeline.CallAsync("work", [1], ("Idempotency-Key", "k-1"));
        using var other = await pipeline.CallAsync("other", [2], ("Idempotency-Key", "k-1"));
        using var last = await pipeline.CallAsync("work", [3]);
        await pipeline.Function.ReceivesAsync(3);

        Assert.Equal(HttpStatusCode.Accepted, repeat.StatusCode);
        Assert.Equal(["true"], repeat.Headers.GetValues("X-Duplicate"));
        Assert.False(first.Headers.Contains("X-Duplicate"));
        Assert.False(other.Headers.Contains("X-Duplicate"));
        Assert.Equal([1, 2, 3], pipeline.Function.Requests.Select(r => (int)r.Body[0]).Order());
    }

    [Fact]
    public async Task Any_bytes_path_query_and_headers_arrive_as_sent()
    {
        await using var pipeline = await Pipeline.StartAsync();
        var body = new byte[1_000_000];
        new Random(7).NextBytes(body);
        body[0] = 0;

        using var accepted = await pipeline.CallAsync(
            "work/a%2Fb/c?q=%20&q=2", body, ("X-Many", "one"), ("X-Many", "two"), ("Nats-Rollup", "all"), ("Nats-Msg-Id", "mine"), ("X-Text", "caf\u00e9"));
        await pipeline.Function.ReceivesAsync(1);

        var seen = pipeline.Function.Requests.Single();
        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        Assert.Equal(body, seen.Body);
        Assert.EndsWith("/a%2Fb/c", seen.Path, StringComparison.Ordinal);
        Assert.Equal("q=%20&q=2", seen.Query);
        Assert.Equal("one, two", string.Join(", ", seen.HeaderValues("X-Many")));
        Assert.Equal("all", seen.Header("Nats-Rollup"));
        Assert.Equal("caf\u00e9", seen.Header("X-Text"));
    }

    [Fact]
    public async Task Oversize_calls_are_refused_and_disturb_nobody()
    {
        await using var pipeline = await Pipeline.StartAsync();

        var others = Enumerable.Range(0, 20).Select(i => pipeline.CallAsync("work", [(byte)i])).ToList();
        using var tooLarge = await pipeline.CallAsync("work", new byte[1_000_001]);
        using var tooManyHeaders = await pipeline.CallAsync("work", [1], [.. Enumerable.Range(0, 33).Select(i => ($"X-H{i}", new string('x', 1024)))]);
        await Task.WhenAll(others);
        await pipeline.Function.ReceivesAsync(20);

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, tooLarge.StatusCode);
        Assert.Contains("1000000", (await tooLarge.Content.ReadAsStringAsync()).Replace(",", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.RequestHeaderFieldsTooLarge, tooManyHeaders.StatusCode);
        foreach (var other in others)
        {
            using var response = await other;
            Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        }

        Assert.Equal(20, pipeline.Function.Requests.Count);
    }

    [Fact]
    public async Task A_function_that_outlasts_three_ack_waits_and_the_gateways_own_timeout_runs_once()
    {
        var gate = new TaskCompletionSource();
        await using var pipeline = await Pipeline.StartAsync(
            (_, http) => gate.Task.WaitAsync(http.RequestAborted),
            worker: new Dictionary<string, string> { ["ack_wait"] = "6s", ["upstream_timeout"] = "10m" },
            gateway: new Dictionary<string, string> { ["upstream_timeout"] = "1s" });

        using var accepted = await pipeline.CallAsync("work", [1], ("X-Callback-Url", pipeline.Callbacks.Url.ToString()));
        await pipeline.Function.ReceivesAsync(1);
        await Eventually.HoldsAsync(async () => await pipeline.Worker.MetricAsync("queue_worker_lease_renewals_total") >= 9, "three ack_waits are over, and the gateway's second");
        gate.SetResult();
        await pipeline.Callbacks.ReceivesAsync(1);

        Assert.Equal("200", pipeline.Callbacks.Requests.Single().Header("X-Function-Status"));
        Assert.Single(pipeline.Function.Requests);
    }
}
