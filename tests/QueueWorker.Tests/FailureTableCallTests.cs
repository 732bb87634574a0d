using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.QueueWorker.Tests;

/// <summary>
/// The failure table of docs/delivery-states.md, row by row. "Dies just after the effect" is played by a stream that already holds what the dead worker
/// wrote, beside the message that it did not ack: exactly what its successor finds.
/// </summary>
public sealed class FailureTableCallTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Fact]
    public async Task R2_a_worker_killed_in_mid_call_is_followed_by_another_run_after_ack_wait()
    {
        var first = new TaskCompletionSource();
        await using var bench = await Bench.StartAsync(
            (_, http) => first.TrySetResult() ? Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted) : Task.CompletedTask,
            new() { ["ack_wait"] = "5s" },
            nats.Server);
        var beforeItIsDelivered = TimeProvider.System.GetUtcNow();
        var call = await bench.EnqueueAsync();
        await first.Task;

        await bench.Worker.KillAsync();
        await bench.Worker.StartAgainAsync();
        await bench.IsEmptyAsync();

        Assert.Equal([call.DeliveryId, call.DeliveryId], bench.Sends.Select(s => s.Header("X-Delivery-Id")));
        Assert.Equal(["1", "1"], bench.Sends.Select(s => s.Header("X-Attempt")));
        Assert.True(bench.Sends[1].At - beforeItIsDelivered >= TimeSpan.FromSeconds(5), "not before ack_wait");
    }

    [Fact]
    public async Task R2_a_broker_that_dies_with_its_leases_does_not_make_a_living_worker_run_a_call_twice()
    {
        var gate = new TaskCompletionSource();
        await using var server = await NatsServer.StartAsync();
        await using var bench = await Bench.StartAsync(
            Bench.Behind(gate),
            new() { ["scaling_mode"] = "function", ["limiter_enabled"] = "false" },
            server);
        await bench.EnqueueAsync();
        await bench.Http.ReceivesAsync(1);

        await server.KillAsync();
        await server.StartAgainAsync();
        await bench.Worker.Process.LineAsync(l => l.Contains("delivered again while it runs here", StringComparison.Ordinal), "the call is delivered again");
        gate.SetResult();
        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends);
    }

    [Fact]
    public async Task R4_a_worker_that_dies_after_the_callback_record_leaves_one_callback()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(server: nats.Server);
        var call = await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        await Faults.StoreRecordAsync(bench, call, 200);

        await bench.StartWorkerAsync();
        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends);
        Assert.Equal(call.DeliveryId, Assert.Single(bench.Posts).Header("webhook-id"));
    }

    [Fact]
    public async Task R4_a_refused_callback_record_is_written_again_and_the_function_is_not_run_again()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(server: nats.Server);
        await Faults.FillAsync(bench, bench.Callbacks, StreamNames.CallbackSubject(bench.Queue, Bench.Echo));
        await bench.StartWorkerAsync();
        var call = await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        await Faults.RefusedAsync(bench, StreamNames.CallbackMessageId(call.DeliveryId, 0), times: 3);
        Assert.Equal(1, await bench.CountAsync(bench.Calls));

        await Faults.MakeRoomAsync(bench, bench.Callbacks);
        await Eventually.HoldsAsync(() => bench.Posts.Count == 1, "the callback");
        await bench.HoldsAsync(bench.Calls, 0);

        Assert.Single(bench.Sends);
    }

    [Fact]
    public async Task R5_a_worker_that_dies_after_the_retry_copy_leaves_one_copy()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(Bench.Statuses(500, 500, 200), server: nats.Server);
        var call = await bench.EnqueueAsync();
        await bench.EnqueueAsync(
            call with { Attempt = 2, NotBefore = TimeProvider.System.GetUtcNow() + TimeSpan.FromSeconds(10) }, [], StreamNames.RetryMessageId(call.DeliveryId, 0, 2));

        await bench.StartWorkerAsync();
        await bench.IsEmptyAsync();

        // On a machine that takes long to start the worker, the copy may be due first.
        Assert.Equal(["1", "2", "3"], bench.Sends.Select(s => s.Header("X-Attempt")).Order());
    }

    [Fact]
    public async Task R5_a_full_stream_gives_the_call_back_with_the_delay_and_the_same_envelope()
    {
        await using var bench = await Bench.StartAsync(Bench.Statuses(500, 500, 500, 500, 500, 500, 500, 500, 500, 200), new() { ["nats_max_msgs"] = "1", ["max_retry_wait"] = "150ms" }, nats.Server);

        await bench.EnqueueAsync();
        await bench.IsEmptyAsync();

        Assert.Equal(10, bench.Sends.Count);
        Assert.All(bench.Sends, s => Assert.Equal("1", s.Header("X-Attempt")));
        Assert.Equal(0, await bench.CountAsync(bench.Dead));
    }

    [Fact]
    public async Task R5_a_full_stream_gives_the_call_back_and_no_worker_takes_another_ones_naks_for_lost_workers()
    {
        // One slot each, so one pull each. A worker whose pull came late would take a call that was nakked often by then for one that loses its workers.
        var options = new Dictionary<string, string> { ["nats_max_msgs"] = "1", ["max_retry_wait"] = "150ms", ["max_inflight"] = "1" };
        await using var bench = await Bench.StartAsync(Bench.Statuses([.. Enumerable.Repeat(500, 16), 200]), options, nats.Server);
        await bench.StartAnotherAsync();
        await Eventually.HoldsAsync(async () => (await bench.JetStream.GetConsumerAsync(bench.Calls, StreamNames.StaticNormal)).Info.NumWaiting >= 2, "both workers wait for a call");

        await bench.EnqueueAsync();
        await bench.IsEmptyAsync();

        Assert.Equal(17, bench.Sends.Count);
        Assert.Equal(0, await bench.CountAsync(bench.Dead));
    }

    [Fact]
    public async Task R6_a_worker_that_dies_after_the_dead_letter_leaves_one_dead_letter()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(Bench.Statuses(400), server: nats.Server);
        var call = await bench.EnqueueAsync();
        await bench.PublishAsync(
            StreamNames.DeadSubject(bench.Queue, DeadKind.Call, Bench.Echo),
            [],
            StreamNames.DeadMessageId(call.DeliveryId, 0),
            (EnvelopeCodec.HeaderName, EnvelopeCodec.Encode(call)),
            (Biography.HeaderName, new Biography { Reason = DeadReasons.Failed }.Encode()));

        await bench.StartWorkerAsync();
        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends);
        Assert.Equal(1, await bench.CountAsync(bench.Dead));
    }

    [Fact]
    public async Task R6_a_refused_dead_letter_is_written_again_and_the_function_is_not_run_again()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(Bench.Statuses(400), server: nats.Server);
        await Faults.FillAsync(bench, bench.Dead, StreamNames.DeadSubject(bench.Queue, DeadKind.Call, Bench.Echo));
        await bench.StartWorkerAsync();
        var call = await bench.EnqueueAsync();
        await Faults.RefusedAsync(bench, StreamNames.DeadMessageId(call.DeliveryId, 0), times: 3);
        Assert.Equal(1, await bench.CountAsync(bench.Calls));

        await Faults.MakeRoomAsync(bench, bench.Dead);
        await bench.DeadLetterAsync(call);
        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends);
    }

    [Fact]
    public async Task R7_an_ack_that_a_broker_loses_costs_one_duplicate_run_at_most()
    {
        await using var server = await NatsServer.StartAsync();
        await using var bench = await Bench.StartAsync(
            (_, _) =>
            {
                // The broker takes nothing from now on: the answer comes, its ack does not arrive.
                server.Pause();
                return Task.CompletedTask;
            },
            server: server);
        var call = await bench.EnqueueAsync();
        await Eventually.HoldsAsync(() => bench.Http.Answered.Count == 1, "the function answered");

        await server.KillAsync();
        await server.StartAgainAsync();
        await Eventually.HoldsAsync(
            async () =>
            {
                // The second run pauses the broker again, perhaps while it is asked.
                server.Resume();
                return await bench.CountAsync(bench.Calls).WaitAsync(TimeSpan.FromSeconds(5), TimeProvider.System) == 0;
            },
            "the call is acked in the end");

        Assert.InRange(bench.Sends.Count, 1, 2);
        Assert.All(bench.Sends, s => Assert.Equal(call.DeliveryId, s.Header("X-Delivery-Id")));
    }

    [Theory]
    [InlineData("broker")]
    [InlineData("worker")]
    [InlineData("consumer")]
    public async Task R12_a_waiting_retry_survives_with_its_attempt_count(string victim)
    {
        await using var server = await NatsServer.StartAsync();
        await using var bench = await Bench.StartAsync(Bench.Statuses(500, 200), new() { ["initial_retry_wait"] = "6s", ["max_retry_wait"] = "6s" }, server);
        await bench.EnqueueAsync();
        var waiting = (await Eventually.GetAsync(async () => await bench.ReadAsync(bench.Calls) is [{ Envelope.Attempt: 2 } copy] ? copy.Envelope : null, "only the copy waits"))!;

        switch (victim)
        {
            case "broker":
                await server.KillAsync();
                await server.StartAgainAsync();
                break;
            case "worker":
                await bench.Worker.KillAsync();
                await bench.Worker.StartAgainAsync();
                break;
            default:
                await bench.DeleteConsumerAsync(bench.Calls, StreamNames.StaticNormal);
                break;
        }

        await bench.IsEmptyAsync();

        Assert.Equal(["1", "2"], bench.Sends.Select(s => s.Header("X-Attempt")));
        Assert.True(bench.Sends[1].At >= waiting.NotBefore!.Value - TimeSpan.FromMilliseconds(1), "not before its time");
    }
}
