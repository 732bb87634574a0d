using System.Text;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using NATS.Client.Core;

namespace Connectors.QueueWorker.Tests;

public sealed class CallbackTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Fact]
    public async Task A_callback_tells_the_answer_and_how_it_came_about()
    {
        await using var bench = await Bench.StartAsync(
            async (request, http) =>
            {
                if (request.Path.StartsWith("/function/", StringComparison.Ordinal))
                {
                    http.Response.StatusCode = request.Header("X-Attempt") == "1" ? 500 : 201;
                    http.Response.ContentType = "image/odd";
                    http.Response.Headers["X-Own"] = new(["a", "b"]);
                    http.Response.Headers["X-Start-Time"] = "123";
                    http.Response.Headers.KeepAlive = "timeout=5";
                    await http.Response.Body.WriteAsync(new byte[] { 0, 255, 10 });
                }
            },
            new() { ["max_retry_attempts"] = "5" },
            nats.Server);

        var call = await bench.EnqueueAsync(Bench.Call() with { Callback = $"http://me:s%20t@127.0.0.1:{bench.Http.Port}/cb?x=1", Hops = 2, Redrive = 4 });
        await bench.IsEmptyAsync();

        var post = Assert.Single(bench.Posts);
        Assert.Equal(("POST", "/cb", "x=1"), (post.Method, post.Path, post.Query));
        Assert.Equal([0, 255, 10], post.Body);
        Assert.Equal("image/odd", post.Header("Content-Type"));
        Assert.Equal("a, b", string.Join(", ", post.HeaderValues("X-Own")));
        Assert.Equal("123", post.Header("X-Start-Time"));
        Assert.Null(post.Header("Keep-Alive"));
        Assert.Equal(call.CallId, post.CallId);
        Assert.Equal(call.DeliveryId, post.Header("webhook-id"));
        Assert.Equal("echo.openfaas-fn", post.Header("X-Function-Name"));
        Assert.Equal("201", post.Header("X-Function-Status"));
        Assert.Matches(@"^\d+\.\d{6}$", post.Header("X-Duration-Seconds"));
        Assert.Equal(("1", "4"), (post.Header("X-Retry"), post.Header("X-Retry-Max")));
        Assert.Equal(("3", "4"), (post.Header("X-Callback-Hops"), post.Header("X-Redrive")));
        Assert.Equal($"queue-worker/{CommandLine.Version}", post.Header("User-Agent"));
        Assert.Equal("Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("me:s t")), post.Header("Authorization"));
    }

    [Theory]
    [InlineData(true, "echo")]
    [InlineData(false, "echo.openfaas-fn")]
    public async Task A_callback_names_the_function_as_its_caller_did_also_after_a_retry(bool isBare, string name)
    {
        await using var bench = await Bench.StartAsync(Bench.Statuses(500, 200), server: nats.Server);

        await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString(), IsBare = isBare });
        await bench.IsEmptyAsync();
        await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString(), IsBare = isBare });
        await bench.IsEmptyAsync();

        Assert.Equal([name, name], bench.Posts.Select(post => post.Header("X-Function-Name")));
        Assert.Equal(["1", "0"], bench.Posts.Select(post => post.Header("X-Retry")));
    }

    [Theory]
    [InlineData(200)]
    [InlineData(400)]
    public async Task What_a_callback_or_a_result_has_of_ours_only_now_and_then_does_not_come_from_the_function(int status)
    {
        string[] ours = ["X-Call-State", "x-result-dropped", "X-REDRIVE", "traceparent", "X-Granted-Timeout", "webhook-signature", "webhook-timestamp"];
        await using var bench = await Bench.StartAsync(
            (request, http) =>
            {
                if (request.Path.StartsWith("/function/", StringComparison.Ordinal))
                {
                    http.Response.StatusCode = status;
                    http.Response.Headers["X-Own"] = "own";
                    foreach (var name in ours)
                    {
                        http.Response.Headers.Append(name, "the function's");
                    }
                }

                return Task.CompletedTask;
            },
            server: nats.Server);
        var bucket = await bench.ResultsAsync();

        var call = await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString(), StoreResult = TimeSpan.FromMinutes(10) });
        await bench.IsEmptyAsync();
        var stored = StoredResult.TryDecode((await bucket.GetEntryAsync<byte[]>(StreamNames.Token(call.CallId), serializer: NatsRawSerializer<byte[]>.Default)).Value!, out _)!;

        var post = Assert.Single(bench.Posts);
        Assert.Equal("own", post.Header("X-Own"));
        Assert.All(ours, name => Assert.Null(post.Header(name)));
        Assert.Contains(stored.Headers, header => header.Is("X-Own"));
        Assert.DoesNotContain(stored.Headers, header => ours.Take(5).Any(header.Is));
    }

    [Fact]
    public async Task A_receiver_that_is_down_for_a_while_gets_its_callback_and_the_function_runs_once()
    {
        var port = FreePort.Next();
        await using var bench = await Bench.StartAsync(server: nats.Server);

        await bench.EnqueueAsync(Bench.Call() with { Callback = $"http://127.0.0.1:{port}/" });
        await Eventually.HoldsAsync(async () => (await bench.ReadAsync(bench.Callbacks)).Any(r => r.Callback?.Attempt >= 3), "two posts failed");
        await using var receiver = await HttpLedger.StartAsync(port: port);
        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends);
        Assert.Single(receiver.Requests);
    }

    [Theory]
    [InlineData(408)]
    [InlineData(425)]
    [InlineData(429)]
    [InlineData(500)]
    public async Task A_temporary_answer_is_tried_again(int status)
    {
        var posts = 0;
        await using var bench = await Bench.StartAsync(
            (request, http) =>
            {
                http.Response.StatusCode = request.Path == "/callback" && Interlocked.Increment(ref posts) == 1 ? status : 200;
                return Task.CompletedTask;
            },
            server: nats.Server);

        var call = await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends);
        Assert.Equal([call.DeliveryId, call.DeliveryId], bench.Posts.Select(p => p.Header("webhook-id")));
    }

    [Fact]
    public async Task A_receiver_that_always_asks_to_be_tried_at_once_is_tried_after_longer_and_longer_waits()
    {
        const int Refused = 5;
        var posts = 0;
        await using var bench = await Bench.StartAsync(
            (request, http) =>
            {
                if (request.Path == "/callback" && Interlocked.Increment(ref posts) <= Refused)
                {
                    http.Response.StatusCode = 503;
                    http.Response.Headers.RetryAfter = "0";
                }

                return Task.CompletedTask;
            },
            new() { ["callback_initial_wait"] = "100ms" },
            nats.Server);

        await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        await bench.IsEmptyAsync();

        var times = bench.Posts.Select(post => post.At).ToList();
        Assert.Equal(Refused + 1, times.Count);
        for (var i = 0; i < Refused; i++)
        {
            // The time that it waits for is cut to milliseconds.
            Assert.True(times[i + 1] - times[i] >= TimeSpan.FromMilliseconds((100 << i) - 1), $"wait {i}: {times[i]:O} {times[i + 1]:O}");
        }
    }

    [Theory]
    [InlineData(400, null)]
    [InlineData(302, null)]
    [InlineData(0, "ftp://127.0.0.1/")]
    [InlineData(0, "http://169.254.169.254/latest/meta-data")]
    [InlineData(0, "http://127.9.9.9:1/")]
    [InlineData(0, "{gateway}system/functions")]
    public async Task A_final_refusal_ends_in_the_dead_letters(int status, string? url)
    {
        await using var bench = await Bench.StartAsync(
            (request, http) =>
            {
                http.Response.StatusCode = request.Path == "/callback" ? status : 200;
                http.Response.Headers.Location = "/elsewhere";
                return Task.CompletedTask;
            },
            server: nats.Server);

        var call = await bench.EnqueueAsync(Bench.Call() with { Callback = url?.Replace("{gateway}", bench.Http.Url.ToString(), StringComparison.Ordinal) ?? bench.CallbackUrl.ToString() });
        var dead = await bench.DeadLetterAsync(call);
        await bench.IsEmptyAsync();

        Assert.Equal(StreamNames.DeadSubject(bench.Queue, DeadKind.Callback, Bench.Echo), dead.Subject);
        Assert.Equal((DeadReasons.CallbackRefused, status), (dead.Biography.Reason, dead.Biography.Status));
        Assert.Equal(200, dead.Callback?.Status);
        Assert.Single(bench.Sends);
        Assert.Equal(url is null ? 1 : 0, bench.Posts.Count);
    }

    [Fact]
    public async Task A_callback_that_nobody_takes_ends_when_its_time_is_over()
    {
        await using var bench = await Bench.StartAsync(
            options: new() { ["callback_max_age"] = "1s", ["callback_initial_wait"] = "50ms" }, server: nats.Server);

        var call = await bench.EnqueueAsync(Bench.Call() with { Callback = $"http://127.0.0.1:{FreePort.Next()}/" });
        var dead = await bench.DeadLetterAsync(call);
        await bench.IsEmptyAsync();

        Assert.Equal(DeadReasons.CallbackExpired, dead.Biography.Reason);
        Assert.Single(bench.Sends);
    }

    [Fact]
    public async Task A_result_too_large_for_a_record_is_posted_directly()
    {
        var body = new byte[3_000_000];
        new Random(3).NextBytes(body);
        var posts = 0;
        await using var bench = await Bench.StartAsync(
            async (request, http) =>
            {
                if (request.Path.StartsWith("/function/", StringComparison.Ordinal))
                {
                    await http.Response.Body.WriteAsync(body);
                }
                else
                {
                    http.Response.StatusCode = Interlocked.Increment(ref posts) == 1 ? 503 : 200;
                }
            },
            server: nats.Server);

        await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends);
        Assert.Equal(2, bench.Posts.Count);
        Assert.Equal(body, bench.Posts[1].Body);
    }

    [Fact]
    public async Task A_result_too_large_for_a_record_that_is_refused_is_a_dead_letter_without_its_body()
    {
        await using var bench = await Bench.StartAsync(
            async (request, http) =>
            {
                if (request.Path == "/callback")
                {
                    http.Response.StatusCode = 400;
                }
                else
                {
                    await http.Response.Body.WriteAsync(new byte[3_000_000]);
                }
            },
            server: nats.Server);

        var dead = await bench.DeadLetterAsync(await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() }));
        await bench.IsEmptyAsync();

        Assert.Equal((DeadReasons.CallbackRefused, 400), (dead.Biography.Reason, dead.Biography.Status));
        Assert.Empty(dead.Body);
        Assert.Contains(dead.Callback!.Headers, h => h is { Name: "X-Result-Dropped", Value: "size" });
        Assert.Single(bench.Sends);
        Assert.Equal(1, await bench.CountAsync(bench.Dead));
    }

    [Fact]
    public async Task A_failed_call_whose_result_was_too_large_for_a_record_tells_its_caller_again_when_it_is_redriven()
    {
        var sends = 0;
        await using var bench = await Bench.StartAsync(
            async (request, http) =>
            {
                if (request.Path != "/callback" && Interlocked.Increment(ref sends) == 1)
                {
                    http.Response.StatusCode = 500;
                    await http.Response.Body.WriteAsync(new byte[3_000_000]);
                }
            },
            new() { ["max_retry_attempts"] = "1" },
            nats.Server);

        var dead = await bench.DeadLetterAsync(await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() }));
        await bench.IsEmptyAsync();
        Assert.Equal(bench.CallbackUrl.ToString(), dead.Envelope!.Callback);
        Assert.Equal(("500", 3_000_000), (Assert.Single(bench.Posts).Header("X-Function-Status"), bench.Posts[0].Body.Length));

        await bench.EnqueueAsync(dead.Envelope with { Redrive = 1, Attempt = 1 });
        await Eventually.HoldsAsync(() => bench.Posts.Count == 2, "its new end is told");
        await bench.IsEmptyAsync();
        Assert.Equal(("200", "1"), (bench.Posts[1].Header("X-Function-Status"), bench.Posts[1].Header("X-Redrive")));
        Assert.Equal(1, await bench.CountAsync(bench.Dead));
    }

    [Fact]
    public async Task A_result_too_large_for_a_record_that_a_stopping_worker_cannot_tell_is_told_by_another_without_its_body()
    {
        var isDown = true;
        await using var bench = await Bench.StartAsync(
            async (request, http) =>
            {
                if (request.Path != "/callback")
                {
                    await http.Response.Body.WriteAsync(new byte[3_000_000]);
                }
                else if (Volatile.Read(ref isDown))
                {
                    http.Response.StatusCode = 503;
                }
            },
            new() { ["grace_period"] = "500ms" },
            nats.Server);

        await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        await Eventually.HoldsAsync(() => bench.Posts.Count > 0, "it is posted");
        Assert.Equal(0, await bench.Worker.TerminateAsync());
        Volatile.Write(ref isDown, false);
        await bench.StartAnotherAsync();
        await bench.IsEmptyAsync();

        // The last one with the body may be written down late: its sender is gone.
        Assert.Single(bench.Sends);
        var told = Assert.Single(bench.Posts, post => post.Body.Length == 0);
        Assert.Equal(("200", "size"), (told.Header("X-Function-Status"), told.Header("X-Result-Dropped")));
        Assert.Equal(0, await bench.CountAsync(bench.Dead));
    }

    [Fact]
    public async Task A_result_over_the_limit_is_told_without_its_body()
    {
        await using var bench = await Bench.StartAsync(
            async (request, http) =>
            {
                if (request.Path.StartsWith("/function/", StringComparison.Ordinal))
                {
                    await http.Response.Body.WriteAsync(new byte[2_000]);
                }
            },
            new() { ["max_result_bytes"] = "1000" },
            nats.Server);

        await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        await bench.IsEmptyAsync();

        var post = Assert.Single(bench.Posts);
        Assert.Empty(post.Body);
        Assert.Equal("size", post.Header("X-Result-Dropped"));
    }
}
