using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Connectors.QueueWorker.Tests;

public sealed class LostWorkerTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Fact]
    public async Task A_message_delivered_too_often_without_a_verdict_is_given_up()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(server: nats.Server);
        var call = await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() }, "poison");
        await GiveBackAsync(bench, times: 6);

        await bench.StartWorkerAsync();
        var dead = await bench.DeadLetterAsync(call);
        await bench.IsEmptyAsync();

        Assert.Equal(DeadReasons.WorkerLost, dead.Biography.Reason);
        Assert.Empty(bench.Sends);
        var told = Assert.Single(bench.Posts);
        Assert.Equal(("502", "worker_lost"), (told.Header("X-Function-Status"), told.Header("X-Call-State")));
    }

    [Fact]
    public async Task A_message_delivered_less_often_still_runs()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(server: nats.Server);
        await bench.EnqueueAsync();
        await GiveBackAsync(bench, times: 5);

        await bench.StartWorkerAsync();
        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends);
    }

    [Fact]
    public async Task Deliveries_before_its_time_do_not_count_against_a_retry()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(options: new() { ["max_retry_wait"] = "1h" }, server: nats.Server);
        await bench.EnqueueAsync(Bench.Call() with { Attempt = 2, NotBefore = TimeProvider.System.GetUtcNow() + TimeSpan.FromHours(1) });
        await GiveBackAsync(bench, times: 9);

        // A copy takes its place, whose deliveries are counted anew.
        await bench.StartWorkerAsync();
        await Eventually.HoldsAsync(async () => await bench.StoredAsync(bench.Calls) == 2 && await bench.CountAsync(bench.Calls) == 1, "it waits for its time");

        Assert.Equal(0, await bench.CountAsync(bench.Dead));
    }

    [Fact]
    public async Task R21_a_call_that_is_not_sent_risks_no_worker_however_often_it_was_given_back()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(server: nats.Server);
        await bench.PauseAsync(Bench.Echo);
        await FillAsideAsync(bench);
        var call = await bench.EnqueueAsync();
        await GiveBackAsync(bench, times: 6);

        await bench.StartWorkerAsync();
        await Faults.RefusedAsync(bench, StreamNames.HoldMessageId(call.DeliveryId, 0, 1, 1), times: 1);
        await Faults.MakeRoomAsync(bench, bench.Aside);
        await bench.HoldsAsync(bench.Calls, 0);
        await bench.ResumeAsync(Bench.Echo);
        await Eventually.HoldsAsync(() => bench.Sends.Count == 1, "it runs");

        Assert.Equal(0, await bench.CountAsync(bench.Dead));
    }

    [Fact]
    public async Task R21_waiting_for_room_among_those_put_aside_does_not_count_against_a_call()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(server: nats.Server);
        await bench.PauseAsync(Bench.Echo);
        await FillAsideAsync(bench);
        var call = await bench.EnqueueAsync();
        await bench.StartWorkerAsync();

        // Each second nak is a copy in its place, whose deliveries are counted anew.
        await Eventually.HoldsAsync(async () => await bench.StoredAsync(bench.Calls) >= 3 && await bench.CountAsync(bench.Calls) == 1, "it was nakked four times");
        await bench.Worker.KillAsync();
        await bench.ResumeAsync(Bench.Echo);
        await bench.Worker.StartAgainAsync();
        await bench.HoldsAsync(bench.Calls, 0);

        // The worker may have died between storing a copy and acking what it takes the place of: then both run.
        Assert.InRange(bench.Sends.Count, 1, 2);
        Assert.All(bench.Sends, send => Assert.Equal(call.DeliveryId, send.Header("X-Delivery-Id")));
        Assert.Equal(0, await bench.CountAsync(bench.Dead));
    }

    private static Task FillAsideAsync(Bench bench)
    {
        var other = new FunctionName("other", "openfaas-fn");
        return Faults.FillAsync(bench, bench.Aside, StreamNames.AsideSubject(bench.Queue, AsideGroup.Held(other), Priority.Normal, other));
    }

    // What a dying worker leaves behind, but quicker: a delivery without a verdict.
    internal static async Task GiveBackAsync(Bench bench, int times)
    {
        var config = ConsumerShape.Shared(StreamNames.StaticNormal, StreamNames.CallSubjects(bench.Queue, Priority.Normal), TimeSpan.FromSeconds(10));
        var consumer = await bench.JetStream.CreateOrUpdateConsumerAsync(bench.Calls, config);
        for (var i = 0; i < times; i++)
        {
            var message = await consumer.NextAsync(NatsRawSerializer<byte[]>.Default, new NatsJSNextOpts { Expires = TimeSpan.FromSeconds(30) });
            Assert.NotNull(message);
            await message.NakAsync();
        }
    }
}
