using System.Text;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using NATS.Client.Core;
using NATS.Client.KeyValueStore;
using NATS.Net;

namespace Connectors.QueueWorker.Tests;

/// <summary>Records that no message of the stream can hold: each ends in a smaller one, and no slot is held for it.</summary>
public sealed class LimitTests(SharedNats nats) : IClassFixture<SharedNats>
{
    // As JSON each of them takes six bytes: together more than the 64 KiB that the server allows for headers.
    private static readonly string Quotes = new('\'', 11_000);

    [Fact]
    public async Task Headers_that_no_record_holds_are_told_directly_and_ten_such_calls_leave_every_slot_free()
    {
        await using var bench = await Bench.StartAsync(Answer(200, Quotes), new() { ["max_inflight"] = "2" }, nats.Server);

        for (var i = 0; i < 10; i++)
        {
            await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        }

        await bench.EnqueueAsync();
        await bench.IsEmptyAsync();

        Assert.Equal(11, bench.Sends.Count);
        Assert.Equal(10, bench.Posts.Count);
        Assert.All(bench.Posts, post => Assert.Equal(Quotes, post.Header("X-Quotes")));
        Assert.Equal(0, await bench.CountAsync(bench.Dead));
    }

    [Fact]
    public async Task A_callback_given_up_with_headers_that_no_record_holds_is_a_dead_letter_without_them()
    {
        await using var bench = await Bench.StartAsync(Answer(200, Quotes, receiver: 400), server: nats.Server);

        var call = await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        var dead = await bench.DeadLetterAsync(call);
        await bench.IsEmptyAsync();

        Assert.Equal((DeadReasons.CallbackRefused, 400), (dead.Biography.Reason, dead.Biography.Status));
        Assert.Equal([new Header("X-Result-Dropped", "size")], dead.Callback!.Headers);
        Assert.Equal(call.Callback, dead.Envelope!.Callback);
        Assert.Empty(dead.Body);
    }

    [Fact]
    public async Task A_result_with_such_headers_is_stored()
    {
        await using var bench = await Bench.StartAsync(Answer(200, Quotes), server: nats.Server);
        var bucket = await bench.ResultsAsync();

        var call = await bench.EnqueueAsync(Bench.Call() with { StoreResult = TimeSpan.FromDays(10_000_000) });
        await bench.IsEmptyAsync();

        var entry = await bucket.GetEntryAsync(StreamNames.Token(call.CallId), serializer: NatsRawSerializer<byte[]>.Default);
        var record = StoredResult.TryDecode(entry.Value, out _);
        Assert.Contains(record!.Headers, h => h.Value == Quotes);
    }

    [Fact]
    public async Task A_retry_copy_that_no_message_holds_ends_the_call_with_what_fits_of_it()
    {
        await using var bench = await Bench.StartAsync(Bench.Statuses(500), server: nats.Server);

        // Taken by the stream, but with no room for what a copy or a dead letter adds.
        var call = await bench.EnqueueAsync(Bench.Call() with { Headers = [new("X-Long", new string('x', 64_700))], Callback = bench.CallbackUrl.ToString() }, "body");
        var dead = await bench.DeadLetterAsync(call);
        await bench.IsEmptyAsync();

        Assert.Equal((DeadReasons.Exhausted, 500, 1), (dead.Biography.Reason, dead.Biography.Status, dead.Biography.Attempts));
        Assert.True(dead.Biography.IsIncomplete);
        Assert.Contains("too large", dead.Biography.Error, StringComparison.Ordinal);
        Assert.Empty(dead.Envelope!.Headers);
        var told = Assert.Single(bench.Posts);
        Assert.Equal(("500", "0", "0"), (told.Header("X-Function-Status"), told.Header("X-Retry"), told.Header("X-Retry-Max")));
    }

    [Fact]
    public async Task A_call_given_up_whose_body_leaves_no_room_for_a_biography_keeps_everything_else()
    {
        await using var bench = await Bench.StartAsync(Bench.Statuses(400), server: nats.Server);

        var call = Bench.Call() with { Headers = [new("X-Mine", "kept")] };
        await bench.EnqueueAsync(call, new byte[(1 << 20) - 700]);
        var dead = await bench.DeadLetterAsync(call);
        await bench.IsEmptyAsync();

        Assert.True(dead.Biography.IsIncomplete);
        Assert.Equal([new Header("X-Mine", "kept")], dead.Envelope!.Headers);
        Assert.Empty(dead.Body);
    }

    [Fact]
    public async Task A_foreign_message_keeps_its_body_when_its_headers_leave_no_room()
    {
        await using var bench = await Bench.StartAsync(server: nats.Server);

        await bench.PublishAsync(StreamNames.CallSubject(bench.Queue, Priority.Normal, Bench.Echo), [7], null, ("Foreign", new string('x', 65_000)));
        await bench.HoldsAsync(bench.Dead, 1);
        await bench.IsEmptyAsync();

        var dead = Assert.Single(await bench.ReadAsync(bench.Dead));
        Assert.True(dead.Biography.IsIncomplete);
        Assert.Equal([7], dead.Body);
    }

    [Theory]
    [InlineData("id with spaces", "d")]
    [InlineData("c", "line\nbreak")]
    [InlineData("\u00e9", "d")]
    public async Task An_envelope_whose_ids_could_not_be_written_again_is_foreign(string callId, string deliveryId)
    {
        await using var bench = await Bench.StartAsync(server: nats.Server);

        await bench.EnqueueAsync(Bench.Call() with { CallId = callId, DeliveryId = deliveryId });
        await bench.EnqueueAsync(Bench.Call() with { DeliveryId = new string('d', 5000) });
        await bench.HoldsAsync(bench.Dead, 2);
        await bench.IsEmptyAsync();

        Assert.Empty(bench.Sends);
    }

    [Fact]
    public async Task A_stream_that_refuses_for_long_does_not_hold_the_slot_for_ever()
    {
        var innocent = new FunctionName("innocent", "openfaas-fn");
        await using var bench = await Bench.StartAsync(
            options: new() { ["max_inflight"] = "1", ["ack_wait"] = "1s" }, server: nats.Server);
        await Faults.FillAsync(bench, bench.Callbacks, StreamNames.CallbackSubject(bench.Queue, Bench.Echo));

        var call = await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        await bench.Http.ReceivesAsync(1);
        await bench.EnqueueAsync(Bench.Call(innocent));
        await bench.Http.ReceivesAsync(1, r => r.Path == "/function/innocent.openfaas-fn");
        await Faults.MakeRoomAsync(bench, bench.Callbacks);
        await bench.HoldsAsync(bench.Calls, 0);
        await bench.Http.ReceivesAsync(1, r => r.Path == "/callback");

        Assert.Equal(call.CallId, bench.Posts[0].CallId);
        Assert.Equal(0, await bench.CountAsync(bench.Dead));
    }

    [Fact]
    public async Task Times_beyond_any_calendar_are_waited_for_in_parts_and_end_nothing()
    {
        await using var bench = await Bench.StartAsync(Bench.Statuses(500, 200), server: nats.Server);
        var never = DateTimeOffset.MaxValue;
        await EnqueueAsync("""{"maxAge":"200000000h","minWait":"50ms","maxWait":"200000000h"}""");
        await bench.HoldsAsync(bench.Calls, 0);

        var waits = Bench.Call() with { NotBefore = never };
        await bench.EnqueueAsync(waits);
        await Eventually.HoldsAsync(
            async () => await bench.Worker.MetricAsync($"queue_worker_waiting_retries{{queue_name=\"{bench.Queue}\"}}") == 1, "it waits");
        await bench.EnqueueAsync();
        await bench.HoldsAsync(bench.Calls, 1);

        Assert.Equal(3, bench.Sends.Count);

        Task EnqueueAsync(string retry)
        {
            var text = EnvelopeCodec.Encode(Bench.Call());
            text = text[..^1] + ",\"retry\":" + retry + "}";
            return bench.PublishAsync(StreamNames.CallSubject(bench.Queue, Priority.Normal, Bench.Echo), [], null, (EnvelopeCodec.HeaderName, text));
        }
    }

    private static Func<RecordedRequest, HttpContext, Task> Answer(int status, string quotes, int receiver = 200) => (request, http) =>
    {
        var isFunction = request.Path.StartsWith("/function/", StringComparison.Ordinal);
        http.Response.StatusCode = isFunction ? status : receiver;
        if (isFunction)
        {
            http.Response.Headers["X-Quotes"] = quotes;
        }

        return Task.CompletedTask;
    };
}
