using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.QueueWorker.Tests;

/// <summary>
/// The failure table of docs/delivery-states.md, row by row. "Dies just after the effect" is played by a stream that already holds what the dead worker
/// wrote, beside the message that it did not ack: exactly what its successor finds.
/// </summary>
public sealed class FailureTableCallbackTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Fact]
    public async Task R8_a_worker_killed_in_mid_callback_posts_again_with_the_same_id()
    {
        var first = new TaskCompletionSource();
        await using var bench = await Bench.StartAsync(
            (request, http) => request.Path == "/callback" && first.TrySetResult() ? Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted) : Task.CompletedTask,
            server: nats.Server);
        var call = await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        await first.Task;
        await Eventually.HoldsAsync(async () => await bench.CountAsync(bench.Calls) == 0, "the call is acked");

        await bench.Worker.KillAsync();
        await bench.Worker.StartAgainAsync();
        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends);
        Assert.Equal([call.DeliveryId, call.DeliveryId], bench.Posts.Select(p => p.Header("webhook-id")));
    }

    [Fact]
    public async Task R9_an_ack_of_a_record_that_a_broker_loses_posts_again_with_the_same_id()
    {
        await using var server = await NatsServer.StartAsync();
        await using var bench = await Bench.StartAsync(
            (request, _) =>
            {
                if (request.Path == "/callback")
                {
                    server.Pause();
                }

                return Task.CompletedTask;
            },
            server: server);
        var call = await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        await Eventually.HoldsAsync(() => bench.Http.Answered.Any(r => r.Path == "/callback"), "the receiver answered");

        await server.KillAsync();
        await server.StartAgainAsync();
        await Eventually.HoldsAsync(
            async () =>
            {
                // The second post pauses the broker again, perhaps while it is asked.
                server.Resume();
                return await bench.CountAsync(bench.Callbacks).WaitAsync(TimeSpan.FromSeconds(5), TimeProvider.System) == 0;
            },
            "the record is acked in the end");

        Assert.Single(bench.Sends);
        Assert.InRange(bench.Posts.Count, 1, 2);
        Assert.All(bench.Posts, p => Assert.Equal(call.DeliveryId, p.Header("webhook-id")));
    }

    [Fact]
    public async Task R10_a_worker_that_dies_after_the_callbacks_retry_copy_leaves_one_copy()
    {
        // The record and its copy are told apart by the function's status, in whichever order they come.
        await using var bench = await Bench.StartWithoutWorkerAsync(
            (request, http) =>
            {
                http.Response.StatusCode = request.Header("X-Function-Status") == "200" ? 503 : 200;
                return Task.CompletedTask;
            },
            server: nats.Server);
        var call = Bench.Call() with { Callback = bench.CallbackUrl.ToString() };
        await Faults.StoreRecordAsync(bench, call, 200);
        await Faults.StoreRecordAsync(bench, call, 201, attempt: 2, TimeProvider.System.GetUtcNow() + TimeSpan.FromSeconds(4));

        await bench.StartWorkerAsync();
        await bench.IsEmptyAsync();

        Assert.Equal(["200", "201"], bench.Posts.Select(p => p.Header("X-Function-Status")).Order());
    }

    [Fact]
    public async Task R10_a_refused_copy_of_a_record_gives_it_back_and_it_is_posted_later()
    {
        var posts = 0;
        await using var bench = await Bench.StartWithoutWorkerAsync(
            (_, http) =>
            {
                http.Response.StatusCode = Interlocked.Increment(ref posts) < 4 ? 503 : 200;
                return Task.CompletedTask;
            },
            server: nats.Server);
        await Faults.StoreRecordAsync(bench, Bench.Call() with { Callback = bench.CallbackUrl.ToString() }, 200);
        await Faults.LimitAsync(bench, bench.Callbacks, 1);

        await bench.StartWorkerAsync();
        await bench.IsEmptyAsync();

        Assert.Equal(4, bench.Posts.Count);
    }

    [Fact]
    public async Task R11_a_worker_that_dies_after_the_dead_callback_leaves_one_dead_letter()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(
            (_, http) =>
            {
                http.Response.StatusCode = 410;
                return Task.CompletedTask;
            },
            server: nats.Server);
        var call = Bench.Call() with { Callback = bench.CallbackUrl.ToString() };
        await Faults.StoreRecordAsync(bench, call, 200);
        await bench.PublishAsync(StreamNames.DeadSubject(bench.Queue, DeadKind.Callback, Bench.Echo), [], StreamNames.DeadCallbackMessageId(call.DeliveryId, 0));

        await bench.StartWorkerAsync();
        await bench.IsEmptyAsync();

        Assert.Single(bench.Posts);
        Assert.Equal(1, await bench.CountAsync(bench.Dead));
    }

    [Fact]
    public async Task R11_a_refused_dead_callback_is_written_again_and_nothing_is_posted_again()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(
            (_, http) =>
            {
                http.Response.StatusCode = 410;
                return Task.CompletedTask;
            },
            server: nats.Server);
        await Faults.FillAsync(bench, bench.Dead, StreamNames.DeadSubject(bench.Queue, DeadKind.Call, Bench.Echo));
        var call = Bench.Call() with { Callback = bench.CallbackUrl.ToString() };
        await Faults.StoreRecordAsync(bench, call, 200);
        await bench.StartWorkerAsync();
        await Faults.RefusedAsync(bench, StreamNames.DeadCallbackMessageId(call.DeliveryId, 0), times: 3);
        Assert.Equal(1, await bench.CountAsync(bench.Callbacks));

        await Faults.MakeRoomAsync(bench, bench.Dead);
        await bench.DeadLetterAsync(call);
        await bench.IsEmptyAsync();

        Assert.Single(bench.Posts);
    }
}
