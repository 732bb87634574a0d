using System.Text.RegularExpressions;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Tests;

/// <summary>What the history tells of calls and callbacks that ended.</summary>
public sealed partial class HistoryTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task Each_end_is_told_with_every_send(string mode)
    {
        await using var bench = await Bench.StartAsync(
            (request, http) =>
            {
                http.Response.StatusCode = request.Path switch
                {
                    "/function/good.openfaas-fn" => request.Header("X-Attempt") switch { "1" => 503, "2" => 500, _ => 200 },
                    "/function/bad.openfaas-fn" => 400,
                    "/function/never.openfaas-fn" => 503,
                    "/refuses" => 410,
                    _ => 202,
                };
                return http.Response.StatusCode == 200 ? http.Response.Body.WriteAsync(new byte[7]).AsTask() : Task.CompletedTask;
            },
            new() { ["scaling_mode"] = mode, ["max_retry_attempts"] = "3" },
            nats.Server);
        var now = TimeProvider.System.GetUtcNow();
        var good = Bench.Call(new FunctionName("good", "openfaas-fn")) with
        {
            Tags = ["a", "b"],
            Trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            Callback = bench.CallbackUrl.ToString(),
        };
        var bad = Bench.Call(new FunctionName("bad", "openfaas-fn")) with { Callback = new Uri(bench.Http.Url, "refuses").ToString() };
        var never = Bench.Call(new FunctionName("never", "openfaas-fn"));
        var late = Bench.Call() with { Deadline = now.AddSeconds(-1), Redrive = 2 };
        var cancelled = Bench.Call();
        await CancelAsync(bench, cancelled.CallId);
        await bench.AllAreHeardOfAsync();
        foreach (var call in new[] { good, bad, never, late, cancelled })
        {
            await bench.EnqueueAsync(call, body: "body");
        }

        await bench.IsEmptyAsync();
        var ends = await EndsAsync(bench, 7);

        var first = Of(ends, good);
        Assert.Equal((EndStates.Succeeded, 200, 3, 4L, 7L, null, 0), (first.State, first.Status, first.Attempts, first.Size, first.ResultSize, first.Reason, first.Redrive));
        Assert.Equal((good.CallId, good.Submitted, good.Trace, CallbackStates.Due), (first.CallId, first.Submitted, first.Trace, first.Callback?.State));
        Assert.Equal(good.Tags, first.Tags);
        Assert.Equal([503, 500, 200], first.Sends!.Select(s => s.Status));
        Assert.Equal(first.Sends!.Select(s => s.At).Order(), first.Sends!.Select(s => s.At));
        Assert.All(first.Sends!, s => Assert.InRange(s.At, now, first.Ended));
        Assert.Equal((CallbackStates.Delivered, 1, 202), (Told(ends, good).State, Told(ends, good).Attempts, Told(ends, good).Status));
        Assert.Equal((EndStates.Dead, DeadReasons.Failed, 400, 1), (Of(ends, bad).State, Of(ends, bad).Reason, Of(ends, bad).Status, Of(ends, bad).Attempts));
        Assert.Equal((CallbackStates.Refused, 1, 410), (Told(ends, bad).State, Told(ends, bad).Attempts, Told(ends, bad).Status));
        Assert.Equal((EndStates.Dead, DeadReasons.Exhausted, 503, 3), (Of(ends, never).State, Of(ends, never).Reason, Of(ends, never).Status, Of(ends, never).Attempts));
        Assert.Equal([503, 503, 503], Of(ends, never).Sends!.Select(s => s.Status));
        Assert.Equal((EndStates.Expired, null, null, 0, 2), (Of(ends, late).State, Of(ends, late).Reason, Of(ends, late).Status, Of(ends, late).Attempts, Of(ends, late).Redrive));
        Assert.Equal((EndStates.Cancelled, null, null, 0), (Of(ends, cancelled).State, Of(ends, cancelled).Reason, Of(ends, cancelled).Status, Of(ends, cancelled).Attempts));
        await Eventually.HoldsAsync(async () => await bench.Worker.MetricAsync($"queue_worker_history_written_total{{queue_name=\"{bench.Queue}\"}}") == 7, "seven records are told");
    }

    // Whoever has found one of them looks for the other by its time.
    [Fact]
    public async Task A_call_and_a_callback_that_are_given_up_ended_when_their_dead_letters_say_however_long_these_are_refused()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(
            (request, http) =>
            {
                http.Response.StatusCode = request.Path == "/refuses" ? 410 : 400;
                return Task.CompletedTask;
            },
            server: nats.Server);
        await Faults.FillAsync(bench, bench.Dead, StreamNames.DeadSubject(bench.Queue, DeadKind.Call, Bench.Echo));
        await bench.StartWorkerAsync();
        var call = await bench.EnqueueAsync(Bench.Call() with { Callback = new Uri(bench.Http.Url, "refuses").ToString() });
        await Faults.RefusedAsync(bench, StreamNames.DeadMessageId(call.DeliveryId, 0), times: 3);
        await Faults.RefusedAsync(bench, StreamNames.DeadCallbackMessageId(call.DeliveryId, 0), times: 3);
        await Faults.MakeRoomAsync(bench, bench.Dead);
        await bench.IsEmptyAsync();

        var ends = await EndsAsync(bench, 2);
        var letters = (await bench.ReadAsync(bench.Dead)).Where(letter => letter.Envelope?.DeliveryId == call.DeliveryId).ToList();

        Assert.Equal(2, letters.Count);
        Assert.Equal(letters.Single(letter => letter.Callback is null).Biography.LastAt, Of(ends, call).Ended);
        Assert.Equal(letters.Single(letter => letter.Callback is not null).Biography.LastAt, ends.Single(end => end.State == EndStates.Callback).Ended);
        Assert.Equal(CallbackStates.Refused, Told(ends, call).State);
    }

    [Fact]
    public async Task The_dead_letter_carries_the_sends_before_it_and_the_callback_record_does_not()
    {
        await using var bench = await Bench.StartAsync(Bench.Statuses(503, 400), server: nats.Server);
        var call = await bench.EnqueueAsync(Bench.Call() with { Callback = new Uri("http://127.0.0.1:1/").ToString() });

        var dead = await bench.DeadLetterAsync(call);

        Assert.Equal(503, Assert.Single(dead.Envelope!.PastAttempts!).Status);

        // Between two looks its copy may have taken its place.
        var record = await Eventually.GetAsync(async () => (await bench.ReadAsync(bench.Callbacks)).SingleOrDefault(), "the callback waits");
        Assert.Null(record.Envelope!.PastAttempts);
    }

    [Fact]
    public async Task Each_post_of_a_callback_is_told_with_its_time_and_status_or_error()
    {
        var posts = 0;
        await using var bench = await Bench.StartAsync(
            (request, http) =>
            {
                http.Response.StatusCode = request.Path == "/callback" && Interlocked.Increment(ref posts) < 3 ? 500 + posts : 200;
                return Task.CompletedTask;
            },
            new() { ["callback_max_age"] = "8s" },
            nats.Server);
        var now = TimeProvider.System.GetUtcNow();
        var told = await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        var never = await bench.EnqueueAsync(Bench.Call() with { Callback = $"http://127.0.0.1:{FreePort.Next()}/" });
        var dead = await bench.DeadLetterAsync(never);
        await bench.IsEmptyAsync();

        var ends = await EndsAsync(bench, 4);

        var first = Told(ends, told);
        Assert.Equal((CallbackStates.Delivered, 3, 200), (first.State, first.Attempts, first.Status));
        Assert.Equal([501, 502, 200], first.Posts!.Select(post => post.Status));
        Assert.Equal(first.Posts!.Select(post => post.At).Order(), first.Posts!.Select(post => post.At));
        Assert.All(first.Posts!, post => Assert.True(post.At >= now && post.Seconds > 0, $"{post}"));
        var second = Told(ends, never);
        Assert.Equal((CallbackStates.Expired, dead.Biography.Attempts), (second.State, second.Attempts));
        Assert.Equal(second.Attempts, second.Posts!.Count);
        Assert.All(second.Posts!, post => Assert.True(post.Status == 0 && post.Error!.Contains("refused", StringComparison.Ordinal), $"{post}"));
        Assert.Equal(second.Posts, dead.Callback!.Posts);
    }

    // What is told of past posts must not cost the body: near the limit of a message there is no room for both.
    [Fact]
    public async Task A_callback_near_the_limit_of_a_message_is_posted_again_whole()
    {
        const int max = 1024 * 1024, step = 90, calls = 20;
        var failed = new System.Collections.Concurrent.ConcurrentDictionary<string, bool>();
        await using var bench = await Bench.StartAsync(
            async (request, http) =>
            {
                if (request.Path.StartsWith("/function/", StringComparison.Ordinal))
                {
                    await http.Response.Body.WriteAsync(new byte[max - 400 - (step * int.Parse(request.Text))]);
                }
                else if (failed.TryAdd(request.Header("webhook-id")!, true))
                {
                    http.Response.StatusCode = 503;
                }
            },
            server: nats.Server);
        for (var i = 0; i < calls; i++)
        {
            await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() }, body: $"{i}");
        }

        await bench.Http.ReceivesAsync(2 * calls, request => request.Path == "/callback");
        await bench.IsEmptyAsync();

        Assert.Equal(0, await bench.CountAsync(bench.Dead));
        Assert.Equal(Enumerable.Range(0, calls).Select(i => max - 400 - (step * i)).Order(), bench.Posts.GroupBy(post => post.Header("webhook-id")).Select(twice => twice.Last().Body.Length).Order());
        var told = (await EndsAsync(bench, 2 * calls)).Where(end => end.State == EndStates.Callback).Select(end => end.Callback!).ToList();
        Assert.All(told, end => Assert.Equal((CallbackStates.Delivered, 2), (end.State, end.Attempts)));
        Assert.Contains(told, end => end.Posts!.Count == 2);
        Assert.Contains(told, end => end.Posts!.Count == 1);
    }

    [Fact]
    public async Task A_result_too_large_for_a_record_has_its_callback_in_the_history_all_the_same()
    {
        await using var bench = await Bench.StartAsync(
            (request, http) => request.Path.StartsWith("/function/", StringComparison.Ordinal) ? http.Response.Body.WriteAsync(new byte[2_000_000]).AsTask() : Task.CompletedTask,
            server: nats.Server);
        var call = await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        await bench.IsEmptyAsync();

        var ends = await EndsAsync(bench, 2);

        Assert.Equal((EndStates.Succeeded, 2_000_000L), (Of(ends, call).State, Of(ends, call).ResultSize));
        Assert.Equal(CallbackStates.Delivered, Told(ends, call).State);
    }

    // The last writes of a worker that ends have a second, and what it does not write it tells. A busy machine may need longer, but not each time.
    [Fact]
    public async Task R20_a_worker_that_is_stopped_writes_what_it_has()
    {
        const int calls = 250, tries = 5;
        for (var again = 1; ; again++)
        {
            var (written, dropped) = await StopAsync(calls);
            if (dropped == 0)
            {
                Assert.Equal(calls, written);
                return;
            }

            Assert.InRange(written, calls - dropped, calls);
            Assert.True(again < tries, $"{dropped} of {calls} ends were not written");
        }
    }

    [Fact]
    public async Task R20_a_worker_that_dies_before_the_history_is_written_has_ended_its_calls_all_the_same()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(server: nats.Server);
        await RefuseAsync(bench);
        await bench.StartWorkerAsync();
        var call = await bench.EnqueueAsync();
        await bench.IsEmptyAsync();
        await bench.Worker.Process.LineAsync(l => l.Contains("History is not written", StringComparison.Ordinal), "it cannot be written");

        await bench.Worker.KillAsync();
        await AllowAsync(bench);
        await bench.Worker.StartAgainAsync();
        var next = await bench.EnqueueAsync();

        Assert.Equal([next.DeliveryId], (await EndsAsync(bench, 1)).Select(end => end.DeliveryId));
        Assert.Equal([call.DeliveryId, next.DeliveryId], bench.Sends.Select(s => s.Header("X-Delivery-Id")));
    }

    // Its ack is lost on the way, so that the call is still there when the worker has told of it and dies.
    [Fact]
    public async Task R20_a_worker_that_dies_after_the_history_is_written_and_whose_ack_is_lost_leaves_two_ends_of_two_runs()
    {
        await using var proxy = new NatsProxy(nats.Server.Port);
        await using var bench = await Bench.StartWithoutWorkerAsync(options: new() { ["nats_port"] = proxy.Port.ToString(), ["ack_wait"] = "30s" }, server: nats.Server);
        proxy.LoseAcks(1);
        await bench.StartWorkerAsync();
        var call = await bench.EnqueueAsync();
        await EndsAsync(bench, 1);
        Assert.Equal(1, await bench.CountAsync(bench.Calls));

        await bench.Worker.KillAsync();
        await bench.Worker.StartAgainAsync();
        await bench.IsEmptyAsync();

        Assert.Equal([call.DeliveryId, call.DeliveryId], (await EndsAsync(bench, 2)).Select(end => end.DeliveryId));
        Assert.Equal([call.DeliveryId, call.DeliveryId], bench.Sends.Select(send => send.Header("X-Delivery-Id")));
    }

    [Fact]
    public async Task R20_what_the_stream_refuses_is_kept_and_written_when_it_does_not()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(server: nats.Server);
        await RefuseAsync(bench);
        await bench.StartWorkerAsync();
        var calls = new List<Envelope>();
        for (var i = 0; i < 150; i++)
        {
            calls.Add(await bench.EnqueueAsync());
        }

        await bench.IsEmptyAsync();
        await bench.Worker.Process.LineAsync(l => l.Contains("History is not written", StringComparison.Ordinal), "it cannot be written");
        await AllowAsync(bench);

        Assert.Equal(calls.Select(call => call.DeliveryId).Order(), (await EndsAsync(bench, 150)).Select(end => end.DeliveryId).Order());
    }

    [Fact]
    public async Task A_history_that_cannot_be_made_holds_no_call_up()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(server: nats.Server);
        await bench.JetStream.CreateStreamAsync(new StreamConfig($"OF_{bench.Queue}_HISTORY", [$"{bench.Queue}.elsewhere"]) { Storage = StreamConfigStorage.Memory });
        await bench.StartWorkerAsync();

        await bench.EnqueueAsync();
        await bench.IsEmptyAsync();

        await bench.Worker.Process.LineAsync(l => l.Contains("History is not written", StringComparison.Ordinal) && l.Contains("subjects", StringComparison.Ordinal), "it says why");
        Assert.Equal(0, await bench.Worker.TerminateAsync());
        Assert.Contains(bench.Worker.Process.Lines, l => l.Contains("is not in the history", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Off_means_that_nothing_is_written()
    {
        await using var bench = await Bench.StartAsync(options: new() { ["history"] = "off" }, server: nats.Server);
        await bench.EnqueueAsync();
        await bench.IsEmptyAsync();

        Assert.Equal(0, await bench.Worker.TerminateAsync());
        await foreach (var name in bench.JetStream.ListStreamNamesAsync())
        {
            Assert.NotEqual(StreamNames.History(bench.Queue), name);
        }
    }

    [Fact]
    public async Task The_streams_limits_follow_the_options()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(server: nats.Server);
        await bench.JetStream.CreateStreamAsync(StreamSetup.ConfigOf(Shape(bench)));
        await bench.StartWorkerAsync(new() { ["history_max_age"] = "90m", ["history_max_bytes"] = "5000000" });
        await bench.EnqueueAsync();
        await EndsAsync(bench, 1);

        var config = (await bench.JetStream.GetStreamAsync(StreamNames.History(bench.Queue))).Info.Config;
        Assert.Equal((TimeSpan.FromMinutes(90), 5_000_000L, StreamConfigDiscard.Old), (config.MaxAge, config.MaxBytes, config.Discard));
    }

    private static StreamShape Shape(Bench bench) => StreamShape.History(bench.Queue, new StreamLimits(), 256 * 1024 * 1024, TimeSpan.FromHours(24));

    // Stops a worker that has just made a call; how many of all ends are written, and how many it says are not.
    private async Task<(int Written, int Dropped)> StopAsync(int calls)
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(server: nats.Server);
        await bench.EnqueueManyAsync(calls - 1, () => Bench.Call());
        await bench.StartWorkerAsync();

        // Making the stream is not among its last writes.
        await Eventually.HoldsAsync(async () => await bench.CountAsync(StreamNames.History(bench.Queue)) > 0, "the history is begun");
        await bench.EnqueueAsync();
        await bench.Http.ReceivesAsync(calls);
        Assert.Equal(0, await bench.Worker.TerminateAsync());

        var dropped = bench.Worker.Process.Lines.Where(line => line.Contains("is not in the history", StringComparison.Ordinal)).Sum(line => int.Parse(CallsOf().Match(line).Groups[1].Value));
        return ((await EndsAsync(bench)).DistinctBy(end => end.DeliveryId).Count(), dropped);
    }

    [GeneratedRegex("\"calls\":([0-9]+)")]
    private static partial Regex CallsOf();

    // A stream that takes no message so large.
    private static async Task RefuseAsync(Bench bench)
    {
        var config = StreamSetup.ConfigOf(Shape(bench));
        config.Discard = StreamConfigDiscard.New;
        config.MaxMsgs = 1;
        await bench.JetStream.CreateStreamAsync(config);
        await bench.PublishAsync(StreamNames.HistorySubject(bench.Queue), "{}"u8.ToArray());
    }

    private static async Task AllowAsync(Bench bench)
    {
        var config = (await bench.JetStream.GetStreamAsync(StreamNames.History(bench.Queue))).Info.Config;
        config.MaxMsgs = -1;
        await bench.JetStream.UpdateStreamAsync(config);
    }

    private static async Task<IReadOnlyList<EndedCall>> EndsAsync(Bench bench, int count)
    {
        IReadOnlyList<EndedCall> ends = [];
        await Eventually.HoldsAsync(async () => (ends = await EndsAsync(bench)).Count == count, () => $"{count} ends are told, not {ends.Count}; the worker wrote:\n{bench.Worker.Process.Tail()}");
        return ends;
    }

    /// <summary>All that the history tells of a queue.</summary>
    internal static async Task<IReadOnlyList<EndedCall>> EndsAsync(Bench bench)
    {
        var ends = new List<EndedCall>();
        foreach (var message in await bench.ReadAsync(StreamNames.History(bench.Queue)))
        {
            foreach (var range in message.Body.AsSpan().Split((byte)'\n'))
            {
                if (EndedCall.TryDecode(message.Body.AsSpan()[range]) is { } end)
                {
                    ends.Add(end);
                }
            }
        }

        return ends;
    }

    private static EndedCall Of(IReadOnlyList<EndedCall> ends, Envelope call) => Assert.Single(ends, end => end.DeliveryId == call.DeliveryId && end.State != EndStates.Callback);

    private static EndedCallback Told(IReadOnlyList<EndedCall> ends, Envelope call) =>
        Assert.Single(ends, end => end.DeliveryId == call.DeliveryId && end.State == EndStates.Callback).Callback!;

    private static async Task CancelAsync(Bench bench, string callId) => await (await bench.CancellationsAsync()).PutAsync(
        StreamNames.Token(callId), new Cancellation(TimeProvider.System.GetUtcNow().AddMinutes(1)).Encode(), NatsRawSerializer<byte[]>.Default);
}
