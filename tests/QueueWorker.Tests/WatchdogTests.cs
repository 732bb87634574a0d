using System.Runtime.InteropServices;
using System.Text;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;

namespace Connectors.QueueWorker.Tests;

public sealed class WatchdogTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Theory]
    [InlineData(StreamNames.StaticNormal)]
    [InlineData(StreamNames.StaticHigh)]
    public async Task A_deleted_consumer_is_made_anew(string consumer)
    {
        await using var bench = await Bench.StartAsync(server: nats.Server);

        await bench.DeleteConsumerAsync(bench.Calls, consumer);
        await bench.EnqueueAsync(Bench.Call() with { Priority = consumer == StreamNames.StaticHigh ? Priority.High : Priority.Normal });
        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends);
        await bench.Worker.Process.LineAsync(
            l => l.Contains(" warn Consumer was missing and is created ", StringComparison.Ordinal) && l.Contains(consumer, StringComparison.Ordinal), "it is told");
    }

    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task A_consumer_that_is_deleted_while_its_call_runs_does_not_run_it_again(string mode)
    {
        var gate = new TaskCompletionSource();
        await using var bench = await Bench.StartAsync(
            (request, http) => request.Text == "long" ? gate.Task.WaitAsync(http.RequestAborted) : Task.CompletedTask,
            new() { ["scaling_mode"] = mode, ["limiter_enabled"] = "false" },
            nats.Server);
        await bench.EnqueueAsync(Bench.Call() with { MaxInflight = 10 }, "long");
        await bench.Http.ReceivesAsync(1);

        await bench.DeleteConsumerAsync(bench.Calls, mode == "static" ? StreamNames.StaticNormal : StreamNames.FunctionConsumer(Bench.Echo, Priority.Normal));
        await bench.EnqueueAsync(body: "next");
        await bench.Http.ReceivesAsync(1, r => r.Text == "next");
        await bench.Worker.Process.LineAsync(l => l.Contains("delivered again while it runs here", StringComparison.Ordinal), "the long call is delivered again");
        gate.SetResult();
        await bench.IsEmptyAsync();

        Assert.Equal(["long", "next"], bench.Sends.Select(s => s.Text));
    }

    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task A_worker_serves_though_the_server_does_not_come_to_count_what_lies_aside(string mode)
    {
        await using var proxy = new NatsProxy(nats.Server.Port);
        await using var bench = await Bench.StartWithoutWorkerAsync(options: new() { ["nats_port"] = proxy.Port.ToString(), ["scaling_mode"] = mode }, server: nats.Server);
        proxy.LoseCounts(bench.Aside);
        await bench.StartWorkerAsync();

        await bench.EnqueueAsync();
        await bench.IsEmptyAsync();
        await bench.Worker.Process.LineAsync(
            l => l.Contains("What lies aside is not counted", StringComparison.Ordinal) && l.Contains(bench.Aside, StringComparison.Ordinal), "it says that it could not look");
        await bench.Worker.IsReadyAsync();

        Assert.Single(bench.Sends);
    }

    // One server makes nothing of three replicas, as three make none while one of them is away.
    [Fact]
    public async Task A_worker_serves_from_streams_that_cannot_be_brought_in_line_and_says_so()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(options: new() { ["nats_stream_replicas"] = "3" }, server: nats.Server);

        // Calls wait for what is paused and cancelled, and this server makes no bucket of three either.
        await bench.ResumeAsync();
        await bench.CancellationsAsync();
        await bench.StartWorkerAsync();

        await bench.EnqueueAsync();
        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends);
        await bench.Worker.Process.LineAsync(
            l => l.Contains("cannot be brought in line with the options, and is used as it is", StringComparison.Ordinal) && l.Contains(bench.Calls, StringComparison.Ordinal), "it is told");
    }

    // After a cut all consumers have to be bound anew.
    [Fact]
    public async Task A_stream_that_does_not_answer_keeps_nobody_from_the_calls_and_the_worker_is_not_ready_because_of_it()
    {
        await using var proxy = new NatsProxy(nats.Server.Port);
        await using var bench = await Bench.StartAsync(options: new() { ["nats_port"] = proxy.Port.ToString() }, server: nats.Server);
        using var http = new HttpClient(new SocketsHttpHandler());
        var question = Encoding.ASCII.GetBytes($" $JS.API.STREAM.INFO.{bench.Dead} ");
        proxy.Before = bytes =>
        {
            // Asks what no server knows.
            var span = MemoryMarshal.AsMemory(bytes).Span;
            for (int found; (found = span.IndexOf(question)) >= 0;)
            {
                " $JS.API.STREAM.NONE."u8.CopyTo(span[found..]);
            }

            return Task.CompletedTask;
        };
        proxy.Cut();

        await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        await bench.IsEmptyAsync();
        Assert.Single(bench.Sends);
        Assert.Single(bench.Posts);
        await Eventually.HoldsAsync(
            async () => await (await http.GetAsync(new Uri(bench.Worker.Metrics, "/readyz"))).Content.ReadAsStringAsync() is var unmet
                && unmet.Contains($"streams: {bench.Dead}: ", StringComparison.Ordinal),
            "it is not ready, and says which stream");

        proxy.Before = _ => Task.CompletedTask;
        await bench.Worker.IsReadyAsync();
    }

    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task Deleted_streams_are_made_anew(string mode)
    {
        await using var bench = await Bench.StartAsync(options: new() { ["scaling_mode"] = mode }, server: nats.Server);
        await bench.EnqueueAsync(body: "before");
        await bench.IsEmptyAsync();

        // The worker stands still meanwhile: nats-server takes a stream that is being deleted and made at the same time for there, without listening for it.
        bench.Worker.Process.Pause();
        await bench.JetStream.DeleteStreamAsync(bench.Calls);
        await bench.JetStream.DeleteStreamAsync(bench.Callbacks);
        await bench.JetStream.DeleteStreamAsync(bench.Dead);
        bench.Worker.Process.Resume();
        await Eventually.HoldsAsync(async () => await bench.CountAsync(bench.Calls) + await bench.CountAsync(bench.Callbacks) == 0, "the streams are there again");
        await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() }, "after");
        await bench.IsEmptyAsync();

        Assert.Equal(["before", "after"], bench.Sends.Select(s => s.Text));
        Assert.Single(bench.Posts);
        await bench.Worker.Process.LineAsync(l => l.Contains(" warn Stream was missing and is created ", StringComparison.Ordinal), "it is told");
    }

    [Fact]
    public async Task A_stream_that_the_gateway_made_anew_follows_the_workers_options_again()
    {
        await using var bench = await Bench.StartAsync(options: new() { ["nats_max_msgs"] = "5" }, server: nats.Server);
        await Eventually.HoldsAsync(IsLimitedAsync, "it is made with the limit");

        // The gateway is the quicker one.
        bench.Worker.Process.Pause();
        await bench.JetStream.DeleteStreamAsync(bench.Calls);
        await bench.JetStream.CreateStreamAsync(StreamSetup.ConfigOf(StreamShape.Calls(bench.Queue, new StreamLimits())));
        Assert.False(await IsLimitedAsync());
        bench.Worker.Process.Resume();

        await Eventually.HoldsAsync(IsLimitedAsync, () => $"it has the limit again; the worker wrote:\n{bench.Worker.Process.Tail()}");
        await bench.EnqueueAsync();
        await bench.IsEmptyAsync();
        Assert.Single(bench.Sends);

        async Task<bool> IsLimitedAsync() => (await bench.JetStream.GetStreamAsync(bench.Calls)).Info.Config.MaxMsgs == 5;
    }

    // Who claims its mode afterwards writes over what the gateway changed of it meanwhile.
    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task A_stream_that_a_worker_makes_is_in_its_mode_from_the_start(string mode)
    {
        await using var bench = await Bench.StartAsync(options: new() { ["scaling_mode"] = mode }, server: nats.Server);
        await using var changes = await bench.Connection.SubscribeCoreAsync<string>($"$JS.API.STREAM.UPDATE.{bench.Calls}");
        await bench.Connection.PingAsync();
        bench.Worker.Process.Pause();
        await bench.JetStream.DeleteStreamAsync(bench.Calls);
        bench.Worker.Process.Resume();

        await Eventually.HoldsAsync(
            async () => (await bench.JetStream.GetStreamAsync(bench.Calls)).Info.Config is { Metadata: { } data } config && data[StreamNames.ModeKey] == mode
                && (config.Republish is not null) == (mode == "function"),
            "it is made, and in the worker's mode");
        await bench.EnqueueAsync();
        await bench.IsEmptyAsync();
        await bench.Connection.PingAsync();

        Assert.False(changes.Msgs.TryRead(out _));
        Assert.Single(bench.Sends);
    }

    [Fact]
    public async Task A_broker_that_restarts_is_found_again_and_the_worker_was_not_ready_meanwhile()
    {
        await using var server = await NatsServer.StartAsync();
        await using var bench = await Bench.StartAsync(server: server);
        using var http = new HttpClient(new SocketsHttpHandler());
        var ready = new Uri(bench.Worker.Metrics, "/readyz");

        await server.KillAsync();
        await Eventually.HoldsAsync(async () => (int)(await http.GetAsync(ready)).StatusCode == 503, "not ready");
        await server.StartAgainAsync();
        await bench.EnqueueAsync();
        await bench.IsEmptyAsync();
        await bench.Worker.IsReadyAsync();

        Assert.Single(bench.Sends);

        // A busy machine may lose the connection once more.
        Assert.True(await bench.Worker.MetricAsync("queue_worker_nats_reconnect_total") >= 1, "the connection came back");
    }

    [Fact]
    public async Task A_worker_started_before_its_broker_waits_for_it()
    {
        var port = FreePort.Next();
        await using var worker = await ServiceProcess.StartAsync(
            "QueueWorker", new Dictionary<string, string> { ["nats_host"] = "127.0.0.1", ["nats_port"] = port.ToString(), ["gateway_url"] = "http://127.0.0.1:1" }, ready: false);

        await using var server = await NatsServer.StartAsync(port: port);
        await worker.IsReadyAsync();

        Assert.Equal(0, await worker.TerminateAsync());
    }
}
