using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;

namespace Connectors.QueueWorker.Tests;

public sealed class SendTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Fact]
    public async Task A_call_reaches_its_function_as_its_caller_sent_it()
    {
        await using var bench = await Bench.StartAsync(server: nats.Server);
        var call = Bench.Call() with
        {
            Method = "PUT",
            Path = "/a%2Fb//c",
            Query = "x=%20y&x=2",
            Trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            Headers =
            [
                new("X-Many", "one"), new("X-Many", "two"), new("Content-Type", "text/x-odd"), new("X-Latin", "caf\u00e9"),
                new("X-Invoke-Mode", "async"), new("User-Agent", "curl"), new("Connection", "close"),
            ],
        };

        await bench.EnqueueAsync(call, "hi");
        await bench.IsEmptyAsync();

        var send = Assert.Single(bench.Sends);
        Assert.Equal("POST", send.Method);
        Assert.Equal("/function/echo.openfaas-fn/a%2Fb//c", send.Path);
        Assert.Equal("x=%20y&x=2", send.Query);
        Assert.Equal("hi", send.Text);
        Assert.Equal(["one", "two"], send.HeaderValues("X-Many"));
        Assert.Equal("text/x-odd", send.Header("Content-Type"));
        Assert.Equal("caf\u00e9", send.Header("X-Latin"));
        Assert.Null(send.Header("X-Invoke-Mode"));
        Assert.Equal(call.CallId, send.CallId);
        Assert.Equal(call.DeliveryId, send.Header("X-Delivery-Id"));
        Assert.Equal("1", send.Header("X-Attempt"));
        Assert.Equal("1m", send.Header("X-Timeout"));
        Assert.Equal([$"queue-worker/{CommandLine.Version}"], send.HeaderValues("User-Agent"));
        Assert.StartsWith("00-4bf92f3577b34da6a3ce929d0e0e4736-", send.Header("traceparent"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Any_bytes_arrive_unchanged()
    {
        var body = new byte[1_000_000];
        new Random(7).NextBytes(body);
        body[0] = 0;
        body[1] = 0xC3;
        await using var bench = await Bench.StartAsync(server: nats.Server);

        await bench.EnqueueAsync(Bench.Call(), body);
        await bench.EnqueueAsync(Bench.Call(), []);
        await bench.IsEmptyAsync();

        Assert.Equal([0, 1_000_000], bench.Sends.Select(s => s.Body.Length).Order());
        Assert.Equal(body, bench.Sends.Single(s => s.Body.Length > 0).Body);
    }

    // One slot each: a call whose lease ends is delivered to the worker that is free. The one that runs it would know it.
    [Fact]
    public async Task A_function_that_runs_longer_than_ack_wait_runs_once_though_another_worker_is_free()
    {
        var gate = new TaskCompletionSource();
        await using var bench = await Bench.StartAsync(Bench.Behind(gate), new() { ["ack_wait"] = "15s", ["max_inflight"] = "1", ["upstream_timeout"] = "10m" }, nats.Server);
        var other = await bench.StartAnotherAsync();

        await bench.EnqueueAsync();
        await Eventually.HoldsAsync(
            async () => await RenewalsAsync(bench.Worker) + await RenewalsAsync(other) >= 4, "the lease was renewed for longer than ack_wait");
        gate.SetResult();
        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends);

        static async Task<double> RenewalsAsync(ServiceProcess worker) => await worker.MetricAsync("queue_worker_lease_renewals_total") ?? 0;
    }

    [Fact]
    public async Task High_priority_goes_first_and_every_tenth_call_is_a_normal_one()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(options: new() { ["max_inflight"] = "1" }, server: nats.Server);
        for (var i = 0; i < 25; i++)
        {
            await bench.EnqueueAsync(Bench.Call(), "n");
            await bench.EnqueueAsync(Bench.Call() with { Priority = Priority.High }, "h");
        }

        await bench.StartWorkerAsync();
        await bench.IsEmptyAsync();

        var order = string.Concat(bench.Sends.Select(s => s.Text));
        Assert.Equal("hhhhhhhhhnhhhhhhhhhnhhhhhhhn" + new string('n', 22), order);
    }

    [Fact]
    public async Task No_more_calls_run_than_there_are_slots()
    {
        var gate = new TaskCompletionSource();
        await using var bench = await Bench.StartWithoutWorkerAsync(Bench.Behind(gate), new() { ["max_inflight"] = "3" }, nats.Server);
        for (var i = 0; i < 10; i++)
        {
            await bench.EnqueueAsync();
        }

        await bench.StartWorkerAsync();
        await bench.Http.ReceivesAsync(3);

        // Nor are more delivered, or asked for.
        foreach (var name in new[] { StreamNames.StaticHigh, StreamNames.StaticNormal })
        {
            var consumer = (await bench.JetStream.GetConsumerAsync(bench.Calls, name)).Info;
            Assert.Equal((name == StreamNames.StaticNormal ? 3 : 0, 0, 0), (consumer.NumAckPending, consumer.NumWaiting, consumer.NumRedelivered));
        }

        gate.SetResult();
        await bench.IsEmptyAsync();

        Assert.Equal(10, bench.Sends.Count);
        Assert.Equal(3, bench.Http.MostRunning);
    }

    [Fact]
    public async Task What_waits_and_for_how_long_shows_in_the_metrics()
    {
        await using var bench = await Bench.StartAsync(Bench.Statuses(500), new() { ["initial_retry_wait"] = "1h", ["max_retry_wait"] = "1h" }, nats.Server);

        await bench.EnqueueAsync();

        var queue = $"{{queue_name=\"{bench.Queue}\"}}";
        await Eventually.HoldsAsync(async () => await bench.Worker.MetricAsync("queue_worker_waiting_retries" + queue) == 1, "a retry waits");
        await Eventually.HoldsAsync(async () => await bench.Worker.MetricAsync("queue_worker_oldest_pending_seconds" + queue) > 0, "its age");
        await Eventually.HoldsAsync(
            async () => await bench.Worker.MetricAsync($"queue_worker_pending_messages{{queue_name=\"{bench.Queue}\",function_name=\"echo.openfaas-fn\"}}") == 0, "it waits for its time, not for a worker");
        await Eventually.HoldsAsync(async () => await bench.Worker.MetricAsync("queue_worker_messages_submitted_total" + queue) == 2, "the call and its retry are counted");
    }

    [Fact]
    public async Task Each_attempt_is_one_log_line_and_shows_in_the_metrics()
    {
        await using var bench = await Bench.StartAsync(Bench.Statuses(503, 200), server: nats.Server);

        var call = await bench.EnqueueAsync();
        await bench.IsEmptyAsync();
        await Eventually.HoldsAsync(() => bench.Worker.Process.Lines.Count(l => l.Contains(" Invoked ", StringComparison.Ordinal)) == 2, "two lines");

        var lines = bench.Worker.Process.Lines.Where(l => l.Contains(" Invoked ", StringComparison.Ordinal)).ToList();
        Assert.Contains($"\"callId\":\"{call.CallId}\",\"function\":\"echo.openfaas-fn\",\"attempt\":1,\"status\":503,\"duration\":", lines[0], StringComparison.Ordinal);
        Assert.Contains("\"attempt\":2,\"status\":200", lines[1], StringComparison.Ordinal);
        var labels = $"queue_name=\"{bench.Queue}\",function_name=\"echo.openfaas-fn\"";
        Assert.Equal(1, await bench.Worker.MetricAsync($"queue_worker_attempts_total{{{labels},code=\"503\"}}"));
        Assert.Equal(1, await bench.Worker.MetricAsync($"queue_worker_attempts_total{{{labels},code=\"200\"}}"));
        Assert.Equal(2, await bench.Worker.MetricAsync($"queue_worker_messages_processed_total{{queue_name=\"{bench.Queue}\"}}"));
        await Eventually.HoldsAsync(async () => await bench.Worker.MetricAsync($"queue_worker_call_ends_total{{{labels},end=\"succeeded\"}}") == 1, "its end is told");
        Assert.Equal(0, await bench.Worker.MetricAsync($"queue_worker_function_invocation_inflight{{{labels}}}"));
    }

    [Fact]
    public async Task Calls_of_names_that_nobody_has_listed_are_counted_together_and_logged_by_name()
    {
        const int names = 20;
        await using var bench = await Bench.StartAsync(server: nats.Server);
        foreach (var i in Enumerable.Range(0, names))
        {
            await bench.EnqueueAsync(Bench.Call(new FunctionName($"none-{i}", "openfaas-fn")) with { IsUnlisted = true });
        }

        await bench.IsEmptyAsync();

        var labels = $"queue_name=\"{bench.Queue}\",function_name=\"unknown\"";
        await Eventually.HoldsAsync(async () => await bench.Worker.MetricAsync($"queue_worker_call_ends_total{{{labels},end=\"succeeded\"}}") == names, "all ends are told");
        Assert.Equal(names, await bench.Worker.MetricAsync($"queue_worker_attempts_total{{{labels},code=\"200\"}}"));
        Assert.Equal(names, await bench.Worker.MetricAsync($"queue_worker_call_duration_seconds_count{{{labels}}}"));
        Assert.Equal(names, await bench.Worker.MetricAsync($"queue_worker_queue_time_seconds_count{{{labels}}}"));
        Assert.Equal(0, await bench.Worker.MetricAsync($"queue_worker_function_invocation_inflight{{{labels}}}"));
        var named = $"queue_name=\"{bench.Queue}\",function_name=\"none-0.openfaas-fn\"";
        Assert.Null(await bench.Worker.MetricAsync($"queue_worker_call_ends_total{{{named},end=\"succeeded\"}}"));
        Assert.Null(await bench.Worker.MetricAsync($"queue_worker_attempts_total{{{named},code=\"200\"}}"));
        Assert.Null(await bench.Worker.MetricAsync($"queue_worker_function_invocation_inflight{{{named}}}"));
        await bench.Worker.Process.LineAsync(
            line => line.Contains(" Invoked ", StringComparison.Ordinal) && line.Contains("\"function\":\"none-0.openfaas-fn\"", StringComparison.Ordinal), "it is logged by its name");
    }

    [Fact]
    public async Task A_call_whose_gateway_has_a_clock_that_is_ahead_has_waited_for_no_time()
    {
        await using var bench = await Bench.StartAsync(server: nats.Server);

        await bench.EnqueueAsync(Bench.Call() with { Submitted = TimeProvider.System.GetUtcNow().AddHours(1) });
        await bench.IsEmptyAsync();

        var labels = $"queue_name=\"{bench.Queue}\",function_name=\"echo.openfaas-fn\"";
        Assert.Equal(1, await bench.Worker.MetricAsync($"queue_worker_queue_time_seconds_count{{{labels}}}"));
        Assert.Equal(0, await bench.Worker.MetricAsync($"queue_worker_queue_time_seconds_sum{{{labels}}}"));
    }

    [Fact]
    public async Task Promtool_objects_to_no_metric_of_a_worker_that_called_retried_called_back_and_gave_up()
    {
        await using var bench = await Bench.StartAsync(Bench.Statuses(500, 429, 400), new() { ["scaling_mode"] = "function" }, nats.Server);

        var call = await bench.EnqueueAsync(Bench.Call() with { Callback = bench.CallbackUrl.ToString() });
        await bench.DeadLetterAsync(call);
        await bench.IsEmptyAsync();

        Assert.Empty(await Promtool.ObjectionsAsync(bench.Worker, "queue_worker_messages_submitted_total"));
    }
}

/// <summary>One nats-server for the tests of a class; each has queues of its own.</summary>
public sealed class SharedNats : IAsyncLifetime
{
    public NatsServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await NatsServer.StartAsync();

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}
