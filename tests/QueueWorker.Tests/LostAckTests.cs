using Connectors.Streams.Records;
using Connectors.Testing;

namespace Connectors.QueueWorker.Tests;

/// <summary>Acks are not waited for. One that is lost costs no second run.</summary>
public sealed class LostAckTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task An_ack_that_a_cut_connection_loses_is_sent_on_the_next(string mode)
    {
        await using var proxy = new NatsProxy(nats.Server.Port);
        await using var bench = await Bench.StartAsync(
            (_, _) =>
            {
                proxy.SwallowAll();
                return Task.CompletedTask;
            },
            // No redelivery within the test: only the ack itself empties the stream.
            new() { ["nats_port"] = proxy.Port.ToString(), ["scaling_mode"] = mode, ["ack_wait"] = "1h" },
            nats.Server);
        await bench.EnqueueAsync();
        await bench.Worker.Process.LineAsync(l => l.Contains(" Invoked ", StringComparison.Ordinal), "the call ran");
        await Eventually.HoldsAsync(async () => await bench.Worker.MetricAsync($"queue_worker_messages_processed_total{{queue_name=\"{bench.Queue}\"}}") == 1, "it is acked");

        proxy.Cut();
        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends);
    }

    // The first message of the new stream has the number, and the delivery, of the one that was acked in the old.
    [Fact]
    public async Task An_ack_of_a_stream_that_was_deleted_is_not_sent_into_the_one_that_took_its_place()
    {
        var gate = new TaskCompletionSource();
        await using var proxy = new NatsProxy(nats.Server.Port);
        await using var bench = await Bench.StartAsync(
            (request, http) => request.Text == "long" ? gate.Task.WaitAsync(http.RequestAborted) : Task.CompletedTask,
            new() { ["nats_port"] = proxy.Port.ToString(), ["ack_wait"] = "1h" },
            nats.Server);
        await bench.EnqueueAsync(body: "first");
        await bench.Http.ReceivesAsync(1);
        await bench.IsEmptyAsync();

        // The worker stands still meanwhile: nats-server takes a stream that is being deleted and made at the same time for there, without listening for it.
        bench.Worker.Process.Pause();
        await bench.JetStream.DeleteStreamAsync(bench.Calls);
        bench.Worker.Process.Resume();
        await Eventually.HoldsAsync(async () => await bench.CountAsync(bench.Calls) == 0, "the stream is there again");
        var running = await bench.EnqueueAsync(body: "long");
        await bench.Http.ReceivesAsync(1, request => request.Text == "long");

        proxy.Cut();
        await Eventually.HoldsAsync(async () => await bench.Worker.MetricAsync("queue_worker_nats_reconnect_total") >= 1, "the worker is connected again");
        await bench.EnqueueAsync(body: "next");
        await bench.Http.ReceivesAsync(1, request => request.Text == "next");

        Assert.Contains(await bench.ReadAsync(bench.Calls), stored => stored.Envelope?.DeliveryId == running.DeliveryId);
        gate.SetResult();
        await bench.IsEmptyAsync();
        Assert.Equal(["first", "long", "next"], bench.Sends.Select(send => send.Text));
    }

    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task What_runs_when_its_stream_is_deleted_does_not_end_what_has_its_number_then(string mode)
    {
        var gate = new TaskCompletionSource();
        await using var bench = await StartAsync(gate, mode, nats.Server);
        await RunsAsync(bench, "long");

        // The worker stands still meanwhile: nats-server takes a stream that is being deleted and made at the same time for there, without listening for it.
        bench.Worker.Process.Pause();
        await bench.JetStream.DeleteStreamAsync(bench.Calls);
        bench.Worker.Process.Resume();

        await EndsAloneAsync(bench, gate, mode);
    }

    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task What_runs_when_its_server_forgets_all_does_not_end_what_has_its_number_then(string mode)
    {
        var gate = new TaskCompletionSource();
        await using var server = await NatsServer.StartAsync();
        await using var bench = await StartAsync(gate, mode, server);
        await RunsAsync(bench, "long");

        await server.KillAsync();
        await server.StartAgainAsync();

        await EndsAloneAsync(bench, gate, mode);
    }

    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task A_message_that_comes_again_after_its_ack_is_acked_again_and_not_run(string mode)
    {
        await using var proxy = new NatsProxy(nats.Server.Port);
        await using var bench = await Bench.StartAsync(options: new() { ["nats_port"] = proxy.Port.ToString(), ["scaling_mode"] = mode, ["ack_wait"] = "1s" }, server: nats.Server);

        proxy.LoseAcks(1);
        await bench.EnqueueAsync();
        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends);
        Assert.True(await bench.Worker.MetricAsync($"queue_worker_acks_repeated_total{{queue_name=\"{bench.Queue}\"}}") >= 1);
    }

    // A long call is the second message of its stream.
    private static async Task<Bench> StartAsync(TaskCompletionSource gate, string mode, NatsServer server)
    {
        var bench = await Bench.StartAsync(
            (request, http) =>
            {
                http.Response.StatusCode = request.Text == "fails" ? 503 : 200;
                return request.Text == "long" ? gate.Task.WaitAsync(http.RequestAborted) : Task.CompletedTask;
            },
            new() { ["scaling_mode"] = mode, ["nats_stream_storage"] = "memory", ["ack_wait"] = "1h", ["initial_retry_wait"] = "1h", ["max_retry_wait"] = "1h" },
            server);
        await RunsAsync(bench, "quick");
        await bench.IsEmptyAsync();
        return bench;
    }

    private static async Task<Envelope> RunsAsync(Bench bench, string body)
    {
        var call = await bench.EnqueueAsync(body: body);
        await bench.Http.ReceivesAsync(1, request => request.Text == body);
        return call;
    }

    // In the stream that is there now, the second message is the copy of one that failed: it was delivered, and nakked until its time.
    private static async Task EndsAloneAsync(Bench bench, TaskCompletionSource gate, string mode)
    {
        await Eventually.HoldsAsync(async () => await bench.CountAsync(bench.Calls) == 0, "the stream is there again");
        var failed = await RunsAsync(bench, "fails");
        var consumer = mode == "static" ? StreamNames.StaticNormal : StreamNames.FunctionConsumer(Bench.Echo, Priority.Normal);
        await Eventually.HoldsAsync(
            async () => (await bench.JetStream.GetConsumerAsync(bench.Calls, consumer)).Info is { NumAckPending: 1, Delivered.StreamSeq: 2 },
            () => $"its copy is nakked; the worker wrote:\n{bench.Worker.Process.Tail()}");

        gate.SetResult();
        await Eventually.HoldsAsync(async () => await bench.Worker.MetricAsync($"queue_worker_lost_messages_total{{queue_name=\"{bench.Queue}\"}}") == 1, "the long call has ended");
        var last = await RunsAsync(bench, "last");
        await Eventually.HoldsAsync(async () => !(await WaitAsync(bench)).Contains(last.DeliveryId), "the last is acked");

        Assert.Equal(failed.DeliveryId, string.Join(' ', await WaitAsync(bench)));
        Assert.Equal(["quick", "long", "fails", "last"], bench.Sends.Select(send => send.Text));
    }

    // Which calls do.
    private static async Task<List<string?>> WaitAsync(Bench bench) => [.. (await bench.ReadAsync(bench.Calls)).Select(stored => stored.Envelope?.DeliveryId)];
}
