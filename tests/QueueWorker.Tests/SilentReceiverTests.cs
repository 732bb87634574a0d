using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;

namespace Connectors.QueueWorker.Tests;

/// <summary>Receivers that take callbacks and answer none: what others are sent does not wait for them, and what was put off is lost nowhere.</summary>
public sealed class SilentReceiverTests(SharedNats nats) : IClassFixture<SharedNats>, IAsyncDisposable
{
    private const int Records = 20;
    private const int Healthy = 10;

    private static readonly FunctionName LargeFunction = new("large", Bench.Echo.Namespace);

    // Longer than a test waits: what a silent receiver was sent is not over before it answers.
    private static readonly Dictionary<string, string> Options = new()
    {
        ["callback_max_inflight"] = "4",
        ["callback_timeout"] = "10m",
        ["callback_max_wait"] = "1s",
    };

    private readonly TaskCompletionSource _gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<HttpLedger> _silent = [];

    public async ValueTask DisposeAsync()
    {
        foreach (var receiver in _silent)
        {
            await receiver.DisposeAsync();
        }
    }

    // A POST to a healthy receiver that a busy machine takes too long for makes that one slow too, until what the silent one holds is over.
    [Theory]
    [InlineData(1, 4)]
    [InlineData(2, 8)]
    public async Task Receivers_that_do_not_answer_leave_slots_to_those_that_do(int count, int slots)
    {
        await using var bench = await Bench.StartAsync(options: new(Options) { ["callback_max_inflight"] = $"{slots}", ["callback_timeout"] = "60s" }, server: nats.Server);
        var silent = new List<(HttpLedger Receiver, IReadOnlyList<string> Ids)>();
        for (var i = 0; i < count; i++)
        {
            var receiver = await SilentAsync();
            silent.Add((receiver, await StoreAsync(bench, receiver, Records)));
            await receiver.ReceivesAsync(i == 0 ? slots / 2 : 1);
        }

        await using var healthy = await HttpLedger.StartAsync();
        var others = await StoreAsync(bench, healthy, Healthy);
        await Eventually.HoldsAsync(
            () => Posted(healthy).SetEquals(others), () => $"the healthy receiver has them all; it has {healthy.Requests.Count}; the worker wrote:\n{bench.Worker.Process.Tail()}");

        Assert.All(silent, one => Assert.InRange(one.Receiver.MostRunning, 1, slots / 2));
        foreach (var (receiver, _) in silent)
        {
            await bench.Worker.Process.LineAsync(
                line => line.Contains("Receiver of callbacks is slow", StringComparison.Ordinal) && line.Contains($"127.0.0.1:{receiver.Port}", StringComparison.Ordinal), "a silent receiver is named");
        }

        Assert.InRange(await bench.Worker.MetricAsync($"queue_worker_slow_receivers{{queue_name=\"{bench.Queue}\"}}") ?? 0, 1, count + 1);
        await IsPutOffAsync(bench);

        _gate.SetResult();
        await bench.IsEmptyAsync();

        Assert.All(silent, one => Assert.True(Posted(one.Receiver).SetEquals(one.Ids)));
        Assert.Equal(0, await bench.CountAsync(bench.Dead));

        // No attempt was used, and no copy made, for what was only put off.
        await Eventually.HoldsAsync(
            async () => await bench.StoredAsync(bench.Callbacks) == (ulong)((count * Records) + Healthy + bench.Worker.Process.Lines.Count(line => line.Contains("no answer in time", StringComparison.Ordinal))),
            "each record is one message, and one more for each POST that had no answer");
    }

    [Fact]
    public async Task What_is_put_off_until_it_is_too_old_is_one_dead_letter()
    {
        await using var bench = await Bench.StartAsync(options: new(Options) { ["callback_max_age"] = "5s" }, server: nats.Server);
        var silent = await SilentAsync();
        var ids = await StoreAsync(bench, silent, Records);

        await Eventually.HoldsAsync(
            async () => await bench.CountAsync(bench.Callbacks) == Posted(silent).Count && await bench.CountAsync(bench.Dead) > 0, "all are given up that were not posted");
        _gate.SetResult();
        await bench.IsEmptyAsync();

        var letters = await bench.ReadAsync(bench.Dead);
        Assert.InRange(silent.Requests.Count, 0, 2);
        Assert.Equal(ids.Order(), letters.Select(letter => letter.Envelope!.DeliveryId).Concat(Posted(silent)).Order());
        Assert.All(letters, letter => Assert.Equal((DeadReasons.CallbackExpired, 0), (letter.Biography.Reason, letter.Biography.Attempts)));
    }

    [Fact]
    public async Task What_is_put_off_is_delivered_although_its_consumer_is_deleted()
    {
        await using var bench = await Bench.StartAsync(options: Options, server: nats.Server);
        var silent = await SilentAsync();
        var ids = await StoreAsync(bench, silent, Records);
        await IsPutOffAsync(bench);

        await bench.DeleteConsumerAsync(bench.Callbacks, StreamNames.CallbackConsumer);
        _gate.SetResult();
        await bench.IsEmptyAsync();

        Assert.True(Posted(silent).SetEquals(ids));
        Assert.Equal(0, await bench.CountAsync(bench.Dead));
    }

    [Fact]
    public async Task What_a_stopping_worker_has_put_off_is_delivered_by_another()
    {
        await using var bench = await Bench.StartAsync(options: new(Options) { ["grace_period"] = "500ms" }, server: nats.Server);
        var silent = await SilentAsync();
        var ids = await StoreAsync(bench, silent, Records);
        await IsPutOffAsync(bench);

        Assert.Equal(0, await bench.Worker.TerminateAsync());
        _gate.SetResult();
        await bench.StartAnotherAsync();
        await bench.IsEmptyAsync();

        Assert.True(Posted(silent).SetEquals(ids));
        Assert.Equal(0, await bench.CountAsync(bench.Dead));
        Assert.Equal((ulong)Records, await bench.StoredAsync(bench.Callbacks));
    }

    [Fact]
    public async Task A_silent_receiver_of_results_too_large_for_a_record_leaves_slots_to_calls()
    {
        await using var bench = await Bench.StartAsync(
            (request, http) => request.Path.Contains(LargeFunction.Name, StringComparison.Ordinal) ? http.Response.Body.WriteAsync(new byte[3_000_000]).AsTask() : Task.CompletedTask,
            new(Options) { ["max_inflight"] = "4" },
            nats.Server);
        var silent = await SilentAsync();
        var ids = new List<string>();
        for (var i = 0; i < 6; i++)
        {
            ids.Add((await bench.EnqueueAsync(Bench.Call(LargeFunction) with { Callback = silent.Url.ToString() })).DeliveryId);
        }

        var call = await bench.EnqueueAsync();
        await Eventually.HoldsAsync(
            () => bench.Sends.Any(send => send.Header("X-Delivery-Id") == call.DeliveryId), () => $"a call runs; the worker wrote:\n{bench.Worker.Process.Tail()}");
        await bench.HoldsAsync(bench.Calls, 2);
        await bench.HoldsAsync(bench.Callbacks, 4);

        _gate.SetResult();
        await bench.IsEmptyAsync();

        Assert.True(Posted(silent).SetEquals(ids));
        Assert.Equal(
            (2, 4),
            (silent.Requests.Count(post => post.Body.Length == 3_000_000), silent.Requests.Count(post => post.Body.Length == 0 && post.Header("X-Result-Dropped") == "size")));
        Assert.Equal(0, await bench.CountAsync(bench.Dead));
    }

    private async Task<HttpLedger> SilentAsync()
    {
        var receiver = await HttpLedger.StartAsync(Bench.Behind(_gate));
        _silent.Add(receiver);
        return receiver;
    }

    private static async Task<IReadOnlyList<string>> StoreAsync(Bench bench, HttpLedger receiver, int count)
    {
        var ids = new List<string>();
        for (var i = 0; i < count; i++)
        {
            var call = Bench.Call() with { Callback = receiver.Url.ToString() };
            await Faults.StoreRecordAsync(bench, call, 200);
            ids.Add(call.DeliveryId);
        }

        return ids;
    }

    private static Task IsPutOffAsync(Bench bench) => Eventually.HoldsAsync(
        async () => await bench.Worker.MetricAsync($"queue_worker_callbacks_put_off_total{{queue_name=\"{bench.Queue}\"}}") > 0, "some are put off");

    private static HashSet<string> Posted(HttpLedger receiver) => [.. receiver.Requests.Select(post => post.Header("webhook-id")!)];
}
