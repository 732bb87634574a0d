using System.Globalization;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;

namespace Connectors.QueueWorker.Tests;

/// <summary>Queues and functions that are paused: R21 and R22 of docs/delivery-states.md.</summary>
public sealed class PauseTests(SharedNats nats) : IClassFixture<SharedNats>
{
    private const int Slots = 20;

    private static readonly FunctionName Other = new("other", "openfaas-fn");

    // CONNECTORS_PAUSED_CALLS=5000 for more.
    private static readonly int Many =
        int.TryParse(Environment.GetEnvironmentVariable("CONNECTORS_PAUSED_CALLS"), NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : 300;

    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task R21_a_function_paused_in_the_middle_of_its_calls_starts_none_loses_no_attempt_and_delays_nobody(string mode)
    {
        var gate = new TaskCompletionSource();
        await using var bench = await Bench.StartAsync(
            (request, http) => request.Path.Contains("echo", StringComparison.Ordinal) ? gate.Task.WaitAsync(http.RequestAborted) : Task.CompletedTask,
            new() { ["scaling_mode"] = mode, ["max_inflight"] = $"{Slots}", ["limiter_enabled"] = "false" },
            nats.Server);
        var second = await bench.StartAnotherAsync();
        await bench.EnqueueManyAsync(Many, () => Bench.Call());
        await Eventually.HoldsAsync(() => bench.Sends.Count == 2 * Slots, "all slots of both workers are taken");

        await bench.PauseAsync(Bench.Echo);
        await Bench.PausedAsync(bench.Worker, second);
        gate.SetResult();
        await bench.HoldsAsync(bench.Aside, Many - (2 * Slots));
        await bench.HoldsAsync(bench.Calls, 0);
        Assert.Equal(2 * Slots, bench.Sends.Count);

        var other = await bench.EnqueueAsync(Bench.Call(Other));
        await Eventually.HoldsAsync(() => bench.Sends.Any(send => send.Header("X-Delivery-Id") == other.DeliveryId), "another function's call runs");
        Assert.Equal((2 * Slots) + 1, bench.Sends.Count);
        await Eventually.HoldsAsync(
            async () => await bench.Worker.MetricAsync($"queue_worker_held_calls{{queue_name=\"{bench.Queue}\",function_name=\"{Bench.Echo}\"}}") == Many - (2 * Slots), "they are counted as held");

        await bench.ResumeAsync(Bench.Echo);
        await Eventually.HoldsAsync(() => bench.Sends.Count == Many + 1, () => $"all run, {bench.Sends.Count} did");
        await bench.HoldsAsync(bench.Aside, 0);
        await bench.IsEmptyAsync();

        Assert.Equal(Many + 1, bench.Sends.Select(send => send.Header("X-Delivery-Id")).Distinct().Count());
        Assert.All(bench.Sends, send => Assert.Equal("1", send.Header("X-Attempt")));
        Assert.Equal(0, await bench.CountAsync(bench.Dead));
    }

    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task A_function_paused_while_its_calls_come_and_go_loses_no_attempt_and_all_run_once_when_it_is_resumed(string mode)
    {
        var (calls, gate) = (0, new TaskCompletionSource());
        await using var bench = await Bench.StartAsync(
            (_, http) => Interlocked.Increment(ref calls) < Many / 4 ? Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, http.RequestAborted) : gate.Task.WaitAsync(http.RequestAborted),
            new() { ["scaling_mode"] = mode, ["max_inflight"] = $"{Slots}", ["limiter_enabled"] = "false" },
            nats.Server);
        var second = await bench.StartAnotherAsync();
        await bench.EnqueueManyAsync(Many, () => Bench.Call());
        await Eventually.HoldsAsync(() => bench.Sends.Count >= Many / 4, "they run");

        await bench.PauseAsync(Bench.Echo);
        await Bench.PausedAsync(bench.Worker, second);
        gate.SetResult();
        await bench.HoldsAsync(bench.Calls, 0);
        var held = await bench.CountAsync(bench.Aside);
        Assert.InRange(held, Many / 4, Many - (Many / 4));
        Assert.Equal(Many, bench.Sends.Count + held);

        await bench.ResumeAsync(Bench.Echo);
        await Eventually.HoldsAsync(() => bench.Sends.Count == Many, () => $"all run, {bench.Sends.Count} did");
        await bench.HoldsAsync(bench.Aside, 0);
        await bench.IsEmptyAsync();
        Assert.Equal(Many, bench.Sends.Select(send => send.Header("X-Delivery-Id")).Distinct().Count());
        Assert.All(bench.Sends, send => Assert.Equal("1", send.Header("X-Attempt")));
        Assert.Equal(0, await bench.CountAsync(bench.Dead));
    }

    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task R22_a_paused_queue_starts_nothing_through_restarts_of_broker_and_worker_and_goes_on_when_resumed(string mode)
    {
        var gate = new TaskCompletionSource();
        await using var server = await NatsServer.StartAsync();
        await using var bench = await Bench.StartAsync(Bench.Behind(gate), new() { ["scaling_mode"] = mode, ["max_inflight"] = $"{Slots}", ["limiter_enabled"] = "false" }, server);
        await bench.EnqueueManyAsync(Many, () => Bench.Call());
        await Eventually.HoldsAsync(() => bench.Sends.Count == Slots, "all slots are taken");

        await bench.PauseAsync();
        await Bench.PausedAsync(bench.Worker);
        gate.SetResult();
        await bench.HoldsAsync(bench.Calls, Many - Slots);
        await SeenAsync(bench, Many - Slots);
        Assert.Equal(Slots, bench.Sends.Count);

        await bench.Worker.KillAsync();
        await server.KillAsync();
        await server.StartAgainAsync();
        await bench.Worker.StartAgainAsync();
        await SeenAsync(bench, Many - Slots);
        Assert.Equal(Slots, bench.Sends.Count);
        await TellsAsync(isPaused: true);

        await bench.ResumeAsync();
        await bench.IsEmptyAsync();
        await TellsAsync(isPaused: false);
        Assert.Equal(Many, bench.Sends.Select(send => send.Header("X-Delivery-Id")).Distinct().Count());
        Assert.All(bench.Sends, send => Assert.Equal("1", send.Header("X-Attempt")));

        // By it nobody is told that such a queue does not drain.
        Task TellsAsync(bool isPaused) => Eventually.HoldsAsync(
            async () => await bench.Worker.MetricAsync($"queue_worker_paused{{queue_name=\"{bench.Queue}\"}}") == (isPaused ? 1 : 0), $"the metric says whether it is paused: {isPaused}");
    }

    [Fact]
    public async Task R21_a_worker_that_dies_after_it_put_a_call_aside_leaves_one_run()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(server: nats.Server);
        await bench.PauseAsync(Bench.Echo);
        var call = await bench.EnqueueAsync();
        await bench.PublishAsync(
            StreamNames.AsideSubject(bench.Queue, AsideGroup.Held(Bench.Echo), Priority.Normal, Bench.Echo),
            [],
            StreamNames.HoldMessageId(call.DeliveryId, 0, 1, 1),
            (EnvelopeCodec.HeaderName, EnvelopeCodec.Encode(call)));

        await bench.StartWorkerAsync();
        await bench.HoldsAsync(bench.Calls, 0);
        await bench.HoldsAsync(bench.Aside, 1);
        await bench.ResumeAsync(Bench.Echo);
        await bench.HoldsAsync(bench.Aside, 0);
        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends);
    }

    [Fact]
    public async Task R21_what_cannot_be_put_aside_is_nakked_until_there_is_room_and_uses_no_attempt()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(server: nats.Server);
        await bench.PauseAsync(Bench.Echo);
        await Faults.FillAsync(bench, bench.Aside, StreamNames.AsideSubject(bench.Queue, AsideGroup.Held(Other), Priority.Normal, Other));
        var call = await bench.EnqueueAsync();
        await bench.StartWorkerAsync();
        await Faults.RefusedAsync(bench, StreamNames.HoldMessageId(call.DeliveryId, 0, 1, 1), times: 2);

        await Faults.MakeRoomAsync(bench, bench.Aside);
        await bench.HoldsAsync(bench.Calls, 0);
        await bench.ResumeAsync(Bench.Echo);
        await Eventually.HoldsAsync(() => bench.Sends.Count == 1, "it runs");

        Assert.Equal("1", bench.Sends[0].Header("X-Attempt"));
    }

    [Fact]
    public async Task A_retry_is_held_too_and_keeps_its_attempt_and_ends_are_told_while_a_queue_is_paused()
    {
        var gate = new TaskCompletionSource();
        await using var bench = await Bench.StartAsync(
            async (request, http) =>
            {
                if (request.Path.StartsWith("/function/", StringComparison.Ordinal))
                {
                    await gate.Task.WaitAsync(http.RequestAborted);
                    http.Response.StatusCode = request.Header("X-Attempt") == "1" && request.Path.Contains("echo", StringComparison.Ordinal) ? 503 : 200;
                }
            },
            new() { ["retry_http_codes"] = "503" },
            nats.Server);
        await bench.EnqueueAsync();
        await bench.EnqueueAsync(Bench.Call(Other) with { Callback = bench.CallbackUrl.ToString() });
        await Eventually.HoldsAsync(() => bench.Sends.Count == 2, "both run");
        await bench.PauseAsync(Bench.Echo);
        await Bench.PausedAsync(bench.Worker);
        await bench.PauseAsync();
        await Eventually.HoldsAsync(() => bench.Worker.Process.Lines.Count(line => line.Contains(" Paused ", StringComparison.Ordinal)) == 2, "the queue's pause is heard too");
        gate.SetResult();

        await Eventually.HoldsAsync(() => bench.Posts.Count == 1, "the callback is delivered");
        await bench.ResumeAsync();
        await bench.HoldsAsync(bench.Aside, 1);
        Assert.Equal("2", (await bench.ReadAsync(bench.Aside))[0].Envelope!.Attempt.ToString(CultureInfo.InvariantCulture));
        await bench.ResumeAsync(Bench.Echo);
        await Eventually.HoldsAsync(() => bench.Sends.Count == 3, "it runs again");
        Assert.Equal("2", bench.Sends[2].Header("X-Attempt"));
    }

    // The worker looked at the stream, saw so many calls wait, and took none.
    private static Task SeenAsync(Bench bench, int waiting) => Eventually.HoldsAsync(
        async () => await bench.Worker.MetricAsync($"queue_worker_pending_messages{{queue_name=\"{bench.Queue}\",function_name=\"{Bench.Echo}\"}}") == waiting, $"{waiting} calls wait");
}
