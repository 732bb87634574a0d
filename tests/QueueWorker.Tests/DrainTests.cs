using System.Collections.Concurrent;
using System.Net;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;

namespace Connectors.QueueWorker.Tests;

public sealed class DrainTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Fact]
    public async Task A_stopping_worker_finishes_what_runs_and_takes_no_more()
    {
        var gate = new TaskCompletionSource();
        await using var bench = await Bench.StartAsync(Bench.Behind(gate), new() { ["max_inflight"] = "1" }, nats.Server);
        await bench.EnqueueAsync(body: "first");
        await bench.Http.ReceivesAsync(1);
        await bench.EnqueueAsync(body: "second");

        var ended = bench.Worker.TerminateAsync();
        await Eventually.HoldsAsync(() => bench.Worker.Process.Lines.Any(l => l.Contains(" Draining ", StringComparison.Ordinal)), "it drains");
        gate.SetResult();

        Assert.Equal(0, await ended);
        Assert.Equal("first", Assert.Single(bench.Sends).Text);
        await bench.HoldsAsync(bench.Calls, 1);
    }

    [Fact]
    public async Task Its_metrics_tell_of_each_end_until_the_last_and_of_the_queue_no_more()
    {
        var gates = new ConcurrentDictionary<string, TaskCompletionSource>();
        await using var bench = await Bench.StartAsync(
            (request, _) => gates.GetOrAdd(request.Text, _ => new TaskCompletionSource()).Task, new() { ["max_inflight"] = "2", ["grace_period"] = "10m" }, nats.Server);
        await bench.EnqueueAsync(body: "short");
        await bench.EnqueueAsync(body: "long");
        await bench.Http.ReceivesAsync(2);
        var oldest = $"queue_worker_oldest_pending_seconds{{queue_name=\"{bench.Queue}\"}}";
        await Eventually.HoldsAsync(async () => await bench.Worker.MetricAsync(oldest) > 0, "the queue is looked at");

        var ended = bench.Worker.TerminateAsync();
        await Eventually.HoldsAsync(() => bench.Worker.Process.Lines.Any(l => l.Contains(" Draining ", StringComparison.Ordinal)), "it drains");
        gates["short"].SetResult();

        await Eventually.HoldsAsync(
            async () => await bench.Worker.MetricAsync($"queue_worker_call_ends_total{{queue_name=\"{bench.Queue}\",function_name=\"{Bench.Echo}\",end=\"succeeded\"}}") == 1, "its end is counted");
        Assert.Null(await bench.Worker.MetricAsync(oldest));
        using var http = new HttpClient(new SocketsHttpHandler());
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await http.GetAsync(new Uri(bench.Worker.Metrics, "/readyz"))).StatusCode);

        gates["long"].SetResult();
        Assert.Equal(0, await ended);
    }

    [Fact]
    public async Task What_outlasts_the_grace_period_is_nakked_at_once()
    {
        var gate = new TaskCompletionSource();
        await using var bench = await Bench.StartAsync(Bench.Behind(gate), new() { ["ack_wait"] = "10m", ["grace_period"] = "500ms" }, nats.Server);
        var call = await bench.EnqueueAsync();
        await bench.Http.ReceivesAsync(1);
        await bench.StartAnotherAsync();

        Assert.Equal(0, await bench.Worker.TerminateAsync());
        await bench.Http.ReceivesAsync(2);
        gate.SetResult();
        await bench.HoldsAsync(bench.Calls, 0);

        Assert.Equal([call.DeliveryId, call.DeliveryId], bench.Sends.Select(s => s.Header("X-Delivery-Id")));
        Assert.Equal(["1", "1"], bench.Sends.Select(s => s.Header("X-Attempt")));
    }

    [Fact]
    public async Task A_worker_whose_pulls_failed_before_still_lets_what_runs_finish()
    {
        var gate = new TaskCompletionSource();
        await using var bench = await Bench.StartAsync(Bench.Behind(gate));
        await bench.EnqueueAsync();
        await bench.Http.ReceivesAsync(1);

        // Every pull that waits ends in a fault of its own.
        await bench.Server.KillAsync();
        await bench.Server.StartAgainAsync();
        await bench.Worker.IsReadyAsync();
        await bench.DeleteConsumerAsync(bench.Calls, StreamNames.StaticNormal);
        await bench.DeleteConsumerAsync(bench.Callbacks, StreamNames.CallbackConsumer);

        // The new consumer delivers the message again; an ack of what it has not delivered would not count.
        await Eventually.HoldsAsync(
            async () => (await bench.JetStream.GetConsumerAsync(bench.Calls, StreamNames.StaticNormal)).Info.NumAckPending == 1, "the running call is delivered again");

        var ended = bench.Worker.TerminateAsync();
        await Eventually.HoldsAsync(() => bench.Worker.Process.Lines.Any(l => l.Contains(" Draining ", StringComparison.Ordinal)), "it drains");
        gate.SetResult();

        Assert.Equal(0, await ended);
        Assert.Single(bench.Sends);
        await bench.HoldsAsync(bench.Calls, 0);
    }

    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task A_worker_whose_broker_is_away_drains_all_the_same(string mode)
    {
        var gates = new ConcurrentDictionary<string, TaskCompletionSource>();
        await using var bench = await Bench.StartAsync(
            (request, _) => gates.GetOrAdd(request.Text, _ => new TaskCompletionSource()).Task, new() { ["scaling_mode"] = mode, ["grace_period"] = "10m", ["max_inflight"] = "2" });
        await bench.EnqueueAsync(Bench.Call(new FunctionName("long", Bench.Echo.Namespace)), "long");
        await bench.EnqueueAsync(Bench.Call(new FunctionName("short", Bench.Echo.Namespace)), "short");
        await bench.Http.ReceivesAsync(2);
        await bench.EnqueueAsync(Bench.Call(), "waits");
        await bench.Server.KillAsync();
        await bench.Worker.Process.LineAsync(line => line.Contains("Broker does not answer", StringComparison.Ordinal), "the broker is away");
        gates["short"].SetResult();
        await Eventually.HoldsAsync(async () => await bench.Worker.MetricAsync($"queue_worker_function_invocation_inflight{{queue_name=\"{bench.Queue}\",function_name=\"short.{Bench.Echo.Namespace}\"}}") is null or 0, "a slot is free");

        var ended = bench.Worker.TerminateAsync();
        await Eventually.HoldsAsync(() => bench.Worker.Process.Lines.Any(l => l.Contains(" Draining ", StringComparison.Ordinal)), "it drains");
        gates["long"].SetResult();

        Assert.Equal(0, await ended);
    }
}
