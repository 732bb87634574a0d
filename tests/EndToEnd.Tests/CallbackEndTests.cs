using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.EndToEnd.Tests;

/// <summary>How calls with callbacks and stored results come to their ends, through gateway and worker.</summary>
public sealed class CallbackEndTests(CallbackEndTests.Scene scene) : IClassFixture<CallbackEndTests.Scene>
{
    private readonly Pipeline _pipeline = scene.Pipeline;

    [Fact]
    public async Task Two_functions_that_call_each_other_back_end_at_16_hops()
    {
        var next = new Uri(_pipeline.Gateway.Api, "/async-function/").ToString();

        using var accepted = await _pipeline.CallAsync("work", "ball"u8.ToArray(), ("X-Call-Id", "ping-pong"), ("X-Next", next), ("X-Callback-Url", next + "other"));
        var dead = await DeadAsync("ping-pong");

        var runs = _pipeline.Function.Requests.Where(r => r.CallId == "ping-pong").ToList();
        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        Assert.Equal(Enumerable.Range(0, 17).Select(i => i % 2 == 0 ? "work" : "other"), runs.Select(r => r.Path.StartsWith("/other", StringComparison.Ordinal) ? "other" : "work"));
        Assert.Equal([null, .. Enumerable.Range(1, 16).Select(i => $"{i}")], runs.Select(r => r.Header("X-Callback-Hops")));
        Assert.Equal(("callback", "callback_refused", 508, 1), ($"{dead["kind"]}", $"{dead["reason"]}", (int)dead["status"]!, (int)dead["attempts"]!));
        await _pipeline.QueueAsync(HttpMethod.Delete, $"/dead/{dead["seq"]}");
        await EndsAsync("ping-pong");
    }

    [Fact]
    public async Task A_dead_callback_is_redriven_and_arrives_without_another_run()
    {
        using var accepted = await _pipeline.CallAsync("work", "told late"u8.ToArray(), ("X-Call-Id", "late"), ("X-Callback-Url", $"{_pipeline.Callbacks.Url}late"));
        var dead = await DeadAsync("late");
        Assert.Equal(("callback", "callback_expired", 503, 2), ($"{dead["kind"]}", $"{dead["reason"]}", (int)dead["status"]!, (int)dead["attempts"]!));

        await _pipeline.QueueAsync(HttpMethod.Post, $"/dead/{dead["seq"]}/redrive");
        await _pipeline.Callbacks.ReceivesAsync(3, r => r.CallId == "late");
        await EndsAsync("late");

        var posts = _pipeline.Callbacks.Requests.Where(r => r.CallId == "late").ToList();
        Assert.Equal(["told late", "told late", "told late"], posts.Select(p => p.Text));
        Assert.Single(posts.Select(p => p.Header("webhook-id")).Distinct());
        Assert.Equal("200", posts[^1].Header("X-Function-Status"));
        Assert.Single(_pipeline.Function.Requests, r => r.CallId == "late");
    }

    [Fact]
    public async Task A_stored_result_is_202_before_the_end_then_the_answer_byte_for_byte_and_404_after_its_time()
    {
        var body = new byte[100_000];
        new Random(5).NextBytes(body);

        HttpStatusCode running;
        try
        {
            using var accepted = await _pipeline.CallAsync("work/held", body, ("X-Call-Id", "kept"), ("X-Store-Result", "10m"));
            using var shortly = await _pipeline.CallAsync("work", body, ("X-Call-Id", "forgotten"), ("X-Store-Result", "1s"), ("X-Callback-Url", _pipeline.Callbacks.Url.ToString()));
            await _pipeline.Function.ReceivesAsync(1, r => r.CallId == "kept");
            using var answer = await _pipeline.ResultAsync("kept");
            running = answer.StatusCode;
        }
        finally
        {
            // The other tests wait until no call runs.
            scene.Release();
        }

        await Eventually.HoldsAsync(async () => (await _pipeline.ResultAsync("kept")).StatusCode == HttpStatusCode.OK, "the result is there");
        using var ended = await _pipeline.ResultAsync("kept");
        using var unknown = await _pipeline.ResultAsync("never-called");
        await _pipeline.Callbacks.ReceivesAsync(1, r => r.CallId == "forgotten");

        Assert.Equal((HttpStatusCode.Accepted, HttpStatusCode.NotFound), (running, unknown.StatusCode));
        Assert.Equal(body, await ended.Content.ReadAsByteArrayAsync());
        Assert.Equal("succeeded", ended.Headers.GetValues("X-Call-State").Single());
        await Eventually.HoldsAsync(async () => (await _pipeline.ResultAsync("forgotten")).StatusCode == HttpStatusCode.NotFound, "its time is over");
    }

    private Task<JsonNode> DeadAsync(string callId) => Eventually.GetAsync(() => FindDeadAsync(callId), $"a dead letter of {callId}");

    private async Task<JsonNode?> FindDeadAsync(string callId) =>
        (await _pipeline.QueueAsync(HttpMethod.Get, "/dead"))!["items"]!.AsArray().FirstOrDefault(item => item!["callId"]!.ToString() == callId);

    // Nothing is on its way any more, and no dead letter is left of this call. One of another test is that test's own.
    private Task EndsAsync(string callId) => Eventually.HoldsAsync(
        async () => await _pipeline.QueueAsync(HttpMethod.Get) is { } queue
            && ((int)queue["calls"]! + (int)queue["delayed"]! + (int)queue["held"]!, (int)queue["callbacks"]!) == (0, 0)
            && await FindDeadAsync(callId) is null,
        () => $"{callId} has ended and left no dead letter; the worker wrote:\n{_pipeline.Worker.Process.Tail()}");

    /// <summary>One pipeline for all: functions that answer what they are sent, and a receiver that takes what comes to <c>/late</c> only at the third time.</summary>
    public sealed class Scene : IAsyncLifetime
    {
        private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _late;

        public Pipeline Pipeline { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Pipeline = await Pipeline.StartAsync(
            AnswerAsync,
            worker: new Dictionary<string, string> { ["callback_initial_wait"] = "100ms", ["callback_max_age"] = "30m" },
            callbacks: TakeAsync);

        public ValueTask DisposeAsync() => Pipeline.DisposeAsync();

        public void Release() => _released.TrySetResult();

        private async Task AnswerAsync(RecordedRequest request, HttpContext http)
        {
            if (request.Header("X-Next") is { } next)
            {
                // A function's own headers go with its callback, so that these make the callback a call with a callback of its own.
                http.Response.Headers["X-Next"] = next;
                http.Response.Headers["X-Callback-Url"] = next + (request.Path.StartsWith("/other", StringComparison.Ordinal) ? "other" : "work");
            }

            if (request.Path.EndsWith("/held", StringComparison.Ordinal))
            {
                await _released.Task.WaitAsync(http.RequestAborted);
            }

            await http.Response.Body.WriteAsync(request.Body);
        }

        // The second answer asks for a longer wait than the callback may grow old.
        private Task TakeAsync(RecordedRequest request, HttpContext http)
        {
            if (request.Path == "/late" && Interlocked.Increment(ref _late) is var time and < 3)
            {
                http.Response.StatusCode = 503;
                http.Response.Headers.RetryAfter = time == 2 ? "7200" : default;
            }

            return Task.CompletedTask;
        }
    }
}
