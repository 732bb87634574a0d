using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.QueueWorker.Tests;

public sealed class RetryTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Fact]
    public async Task Retry_after_is_kept()
    {
        await using var bench = await Bench.StartAsync(
            (request, http) =>
            {
                if (request.Header("X-Attempt") == "1")
                {
                    http.Response.StatusCode = 429;
                    http.Response.Headers.RetryAfter = "2";
                }

                return Task.CompletedTask;
            },
            server: nats.Server);

        await bench.EnqueueAsync();
        await bench.IsEmptyAsync();

        Assert.Equal(2, bench.Sends.Count);

        // The time that it waits for is cut to milliseconds.
        Assert.True(bench.Sends[1].At - bench.Sends[0].At >= TimeSpan.FromSeconds(2) - TimeSpan.FromMilliseconds(1), $"{bench.Sends[0].At:O} {bench.Sends[1].At:O}");
    }

    [Fact]
    public async Task An_answer_that_is_not_listed_is_final_and_told()
    {
        await using var bench = await Bench.StartAsync(Bench.Statuses(400), server: nats.Server);

        var call = await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() }, "body");
        var dead = await bench.DeadLetterAsync(call);
        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends);
        Assert.Equal("body", System.Text.Encoding.UTF8.GetString(dead.Body));
        Assert.Equal(StreamNames.DeadSubject(bench.Queue, DeadKind.Call, Bench.Echo), dead.Subject);
        Assert.Equal((DeadReasons.Failed, 400, 1), (dead.Biography.Reason, dead.Biography.Status, dead.Biography.Attempts));
        Assert.Equal("400", Assert.Single(bench.Posts).Header("X-Function-Status"));
    }

    [Fact]
    public async Task A_call_that_never_succeeds_ends_with_its_biography_and_tells_its_last_status()
    {
        await using var bench = await Bench.StartAsync(Bench.Statuses(500, 502, 503), new() { ["max_retry_attempts"] = "3" }, nats.Server);

        var call = await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() }, "body");
        var dead = await bench.DeadLetterAsync(call);
        await bench.IsEmptyAsync();

        Assert.Equal(["1", "2", "3"], bench.Sends.Select(s => s.Header("X-Attempt")));
        Assert.Equal([call.DeliveryId], bench.Sends.Select(s => s.Header("X-Delivery-Id")).Distinct());
        Assert.Equal((DeadReasons.Exhausted, 503, 3), (dead.Biography.Reason, dead.Biography.Status, dead.Biography.Attempts));
        Assert.InRange(dead.Biography.FirstAt, call.Submitted, dead.Biography.LastAt);
        Assert.Equal("body", System.Text.Encoding.UTF8.GetString(dead.Body));
        var post = Assert.Single(bench.Posts);
        Assert.Equal(("503", "2", "2"), (post.Header("X-Function-Status"), post.Header("X-Retry"), post.Header("X-Retry-Max")));
        Assert.Equal(1, await bench.Worker.MetricAsync($"queue_worker_dead_letters_total{{queue_name=\"{bench.Queue}\",reason=\"exhausted\"}}"));
    }

    [Fact]
    public async Task Each_annotation_overrides_its_setting()
    {
        await using var bench = await Bench.StartAsync(Bench.Statuses(418, 418, 418, 200), new() { ["initial_retry_wait"] = "1h", ["max_retry_wait"] = "2h" }, nats.Server);
        var retry = new RetrySettings { Attempts = 3, Codes = [418], MinWait = TimeSpan.FromMilliseconds(20), MaxWait = TimeSpan.FromMilliseconds(40) };

        var call = await bench.EnqueueAsync(Bench.Call() with { Retry = retry, Callback = bench.CallbackUrl.ToString() });
        var dead = await bench.DeadLetterAsync(call);
        await bench.IsEmptyAsync();

        Assert.Equal(3, bench.Sends.Count);
        Assert.Equal(DeadReasons.Exhausted, dead.Biography.Reason);
        Assert.Equal("2", Assert.Single(bench.Posts).Header("X-Retry-Max"));
    }

    [Fact]
    public async Task The_longest_wait_of_the_function_bounds_its_waits()
    {
        await using var bench = await Bench.StartAsync(Bench.Statuses(500), new() { ["initial_retry_wait"] = "1h", ["max_retry_wait"] = "2h" }, nats.Server);

        var call = await bench.EnqueueAsync(Bench.Call() with { Retry = new RetrySettings { MaxWait = TimeSpan.FromMinutes(7) } });
        var waiting = await Eventually.GetAsync(async () => (await bench.ReadAsync(bench.Calls)).FirstOrDefault(r => r.Envelope?.Attempt == 2), "the copy");

        Assert.InRange(waiting.Envelope!.NotBefore!.Value - waiting.Envelope.FirstAt!.Value, TimeSpan.FromMinutes(7), TimeSpan.FromMinutes(8));
        Assert.Equal(call.DeliveryId, waiting.Envelope.DeliveryId);
    }

    [Fact]
    public async Task An_error_made_by_the_system_is_retried_whatever_its_code()
    {
        await using var bench = await Bench.StartAsync(
            (request, http) =>
            {
                if (request.Header("X-Attempt") == "1")
                {
                    http.Response.StatusCode = 404;
                    http.Response.Headers["X-OpenFaaS-Internal"] = "proxy";
                }

                return Task.CompletedTask;
            },
            server: nats.Server);

        await bench.EnqueueAsync();
        await bench.IsEmptyAsync();

        Assert.Equal(2, bench.Sends.Count);
    }

    [Fact]
    public async Task A_call_that_takes_too_long_is_cut_and_retried()
    {
        var first = new TaskCompletionSource();
        await using var bench = await Bench.StartAsync(
            (_, http) => first.TrySetResult() ? Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted) : Task.CompletedTask,
            new() { ["upstream_timeout"] = "1s" },
            nats.Server);

        await bench.EnqueueAsync();
        await bench.IsEmptyAsync();

        // A busy machine may cut one before it arrives, or the second, too.
        Assert.True(bench.Sends.Count >= 2, "it was called again");
        Assert.Equal(bench.Sends.Count, bench.Sends.Select(s => s.Header("X-Attempt")).Distinct().Count());
        Assert.All(bench.Sends, s => Assert.Equal("1s", s.Header("X-Timeout")));
    }

    [Fact]
    public async Task A_gateway_that_is_away_costs_attempts_and_no_call()
    {
        await using var bench = await Bench.StartAsync(server: nats.Server);
        await bench.Http.StopAsync();

        await bench.EnqueueAsync();
        await Eventually.HoldsAsync(() => bench.Worker.Process.Lines.Any(l => l.Contains("\"attempt\":2,\"status\":503", StringComparison.Ordinal)), "a second attempt failed");
        await bench.Http.StartAgainAsync();
        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends);
    }

    // The first is of an ingress that wants https; the second of the function, as the gateway passes it on.
    [Fact]
    public async Task A_redirect_of_what_stands_before_the_gateway_is_retried_and_one_of_the_function_ends_the_call()
    {
        await using var bench = await Bench.StartAsync(
            (request, http) =>
            {
                if (request.Path == "/callback")
                {
                    return Task.CompletedTask;
                }

                http.Response.StatusCode = 308;
                http.Response.Headers.Location = "https://elsewhere.example.com/";
                if (request.Header("X-Attempt") == "3")
                {
                    http.Response.Headers["X-Start-Time"] = "1760000000000000000";
                }

                return Task.CompletedTask;
            },
            server: nats.Server);

        await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        await bench.IsEmptyAsync();

        Assert.Equal(["1", "2", "3"], bench.Sends.Select(s => s.Header("X-Attempt")));
        await bench.Worker.Process.LineAsync(line => line.Contains("does gateway_url lead elsewhere?", StringComparison.Ordinal), "it is told");
        var post = Assert.Single(bench.Posts);
        Assert.Equal(("308", "2"), (post.Header("X-Function-Status"), post.Header("X-Retry")));
        var labels = $"queue_name=\"{bench.Queue}\",function_name=\"echo.openfaas-fn\"";
        Assert.Equal(2, await bench.Worker.MetricAsync($"queue_worker_attempts_total{{{labels},code=\"503\"}}"));
        await Eventually.HoldsAsync(async () => await bench.Worker.MetricAsync($"queue_worker_call_ends_total{{{labels},end=\"succeeded\"}}") == 1, "its end is told");
    }

    [Fact]
    public async Task Waiting_retries_hold_nobody_up()
    {
        var waiting = Rounds.Of(1_000, 5_000);
        var slow = new FunctionName("fails-once", "openfaas-fn");
        await using var bench = await Bench.StartAsync(
            (request, http) =>
            {
                http.Response.StatusCode = request.Path.Contains("fails-once", StringComparison.Ordinal) && request.Header("X-Attempt") == "1" ? 500 : 200;
                return Task.CompletedTask;
            },
            new() { ["debug"] = "false" },
            nats.Server);
        var retry = new RetrySettings { MinWait = TimeSpan.FromHours(1), MaxWait = TimeSpan.FromHours(1) };

        await Task.WhenAll(Enumerable.Range(0, waiting).Select(_ => bench.EnqueueAsync(Bench.Call(slow) with { Retry = retry })));
        await Eventually.HoldsAsync(
            async () => await bench.Worker.MetricAsync($"queue_worker_waiting_retries{{queue_name=\"{bench.Queue}\"}}") == waiting, "all wait for their time");
        for (var i = 0; i < 50; i++)
        {
            await bench.EnqueueAsync();
            await bench.Http.ReceivesAsync(i + 1, r => r.Path == "/function/echo.openfaas-fn");
        }

        Assert.Equal(waiting + 50, bench.Sends.Count);
    }

    [Fact]
    public async Task A_deadline_that_passed_ends_the_call_as_expired()
    {
        await using var bench = await Bench.StartAsync(server: nats.Server);
        var now = TimeProvider.System.GetUtcNow();

        var late = await bench.EnqueueAsync(Bench.Call() with { Deadline = now - TimeSpan.FromSeconds(1) });
        var old = await bench.EnqueueAsync(Bench.Call() with { Submitted = now - TimeSpan.FromHours(1), Retry = new RetrySettings { MaxAge = TimeSpan.FromMinutes(1) } });
        var first = await bench.DeadLetterAsync(late);
        var second = await bench.DeadLetterAsync(old);
        await bench.IsEmptyAsync();

        Assert.Empty(bench.Sends);
        Assert.All([first, second], dead => Assert.Equal(DeadReasons.Expired, dead.Biography.Reason));
        Assert.All([first, second], dead => Assert.Equal(StreamNames.DeadSubject(bench.Queue, DeadKind.Expired, Bench.Echo), dead.Subject));
    }
}
