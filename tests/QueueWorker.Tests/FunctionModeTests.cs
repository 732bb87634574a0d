using Connectors.Sdk.Envelopes;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.QueueWorker.Tests;

public sealed class FunctionModeTests(SharedNats nats, ITestOutputHelper output) : IClassFixture<SharedNats>
{
    private static Dictionary<string, string> Function(params (string Name, string Value)[] more) =>
        more.Append(("scaling_mode", "function")).ToDictionary(o => o.Item1, o => o.Item2);

    [Fact]
    public async Task Calls_of_many_functions_are_found_by_hint_and_by_look()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(options: Function(("max_inflight", "20")), server: nats.Server);
        for (var i = 0; i < 30; i++)
        {
            await bench.EnqueueAsync(Bench.Call(new FunctionName($"early-{i}", "ns.dotted")) with { Priority = i % 2 == 0 ? Priority.High : Priority.Normal });
        }

        await bench.StartWorkerAsync();
        for (var i = 0; i < 30; i++)
        {
            await bench.EnqueueAsync(Bench.Call(new FunctionName($"late.{i}", "openfaas-fn")));
        }

        await bench.IsEmptyAsync();

        Assert.Equal(60, bench.Sends.Select(s => s.Path).Distinct().Count());
        Assert.Equal(60, bench.Sends.Count);
    }

    [Fact]
    public async Task A_thousand_functions_with_waiting_calls_are_served_by_one_worker()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(options: Function(("debug", "false")), server: nats.Server);
        await Task.WhenAll(Enumerable.Range(0, 3_000).Select(i => bench.EnqueueAsync(Bench.Call(new FunctionName($"f-{i % 1_000}", "openfaas-fn")))));

        await bench.StartWorkerAsync();
        await bench.IsEmptyAsync();

        Assert.Equal(3_000, bench.Sends.Count);
        Assert.All(bench.Sends.CountBy(s => s.Path), function => Assert.Equal(3, function.Value));
    }

    [Theory]
    [InlineData("static", 2_000)]
    [InlineData("function", 20_000)]
    public async Task A_small_functions_call_behind_a_hog(string mode, int queued)
    {
        var small = new FunctionName("small", "openfaas-fn");
        await using var bench = await Bench.StartWithoutWorkerAsync(
            (_, http) => Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, http.RequestAborted),
            new() { ["scaling_mode"] = mode, ["max_inflight"] = "10", ["limiter_enabled"] = "false", ["debug"] = "false" },
            nats.Server);
        await Task.WhenAll(Enumerable.Range(0, queued).Select(_ => bench.EnqueueAsync(Bench.Call(new FunctionName("hog", "openfaas-fn")) with { MaxInflight = 10 })));
        await bench.StartWorkerAsync();
        await bench.Http.ReceivesAsync(100);

        var call = await bench.EnqueueAsync(Bench.Call(small));
        var behind = bench.Sends.Count;
        await bench.Http.ReceivesAsync(1, r => r.CallId == call.CallId);

        var place = bench.Sends.ToList().FindIndex(s => s.CallId == call.CallId) - behind;
        var delay = bench.Sends.Single(s => s.CallId == call.CallId).At - call.Submitted;
        output.WriteLine($"{mode}: behind {queued} calls of the hog it started after {place} of them, {delay.TotalMilliseconds:F0} ms");
        if (mode == "function")
        {
            Assert.InRange(place, 0, 40);
        }
        else
        {
            Assert.InRange(place, queued / 2, queued);
        }
    }

    [Fact]
    public async Task Neither_a_functions_own_ceiling_nor_the_slots_are_exceeded()
    {
        var most = 0;
        var running = 0;
        await using var bench = await Bench.StartWithoutWorkerAsync(
            async (request, http) =>
            {
                var isNarrow = request.Path.EndsWith("narrow.openfaas-fn", StringComparison.Ordinal);
                var now = isNarrow ? Interlocked.Increment(ref running) : 0;
                most = Math.Max(most, now);
                await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, http.RequestAborted);
                Interlocked.Add(ref running, isNarrow ? -1 : 0);
            },
            Function(("max_inflight", "8"), ("limiter_enabled", "false")),
            nats.Server);
        for (var i = 0; i < 60; i++)
        {
            await bench.EnqueueAsync(Bench.Call(new FunctionName("narrow", "openfaas-fn")) with { MaxInflight = 2 });
            await bench.EnqueueAsync(Bench.Call(new FunctionName($"wide-{i % 5}", "openfaas-fn")));
        }

        await bench.StartWorkerAsync();
        await bench.IsEmptyAsync();

        Assert.Equal(120, bench.Sends.Count);
        Assert.InRange(most, 1, 2);
        Assert.InRange(bench.Http.MostRunning, 3, 8);
    }

    [Fact]
    public async Task High_priority_goes_first()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(options: Function(("max_inflight", "1")), server: nats.Server);
        for (var i = 0; i < 15; i++)
        {
            await bench.EnqueueAsync(Bench.Call(new FunctionName($"f-{i}", "openfaas-fn")), "n");
            await bench.EnqueueAsync(Bench.Call() with { Priority = Priority.High }, "h");
        }

        await bench.StartWorkerAsync();
        await bench.IsEmptyAsync();

        var order = string.Concat(bench.Sends.Select(s => s.Text));
        Assert.Equal("hhhhhhhhhnhhhhhhn" + new string('n', 13), order);
    }

    [Fact]
    public async Task Retries_come_when_they_are_due_and_a_long_call_runs_once_though_its_consumer_might_lapse()
    {
        var gate = new TaskCompletionSource();
        await using var bench = await Bench.StartAsync(
            (request, http) =>
            {
                http.Response.StatusCode = request.Path.Contains("flaky", StringComparison.Ordinal) && request.Header("X-Attempt") != "4" ? 500 : 200;
                return request.Path.Contains("long", StringComparison.Ordinal) ? gate.Task.WaitAsync(http.RequestAborted) : Task.CompletedTask;
            },
            Function(("consumer_inactive_threshold", "1s")),
            nats.Server);

        await bench.EnqueueAsync(Bench.Call(new FunctionName("long", "openfaas-fn")));
        for (var i = 0; i < 20; i++)
        {
            await bench.EnqueueAsync(Bench.Call(new FunctionName("flaky", "openfaas-fn")));
        }

        await Eventually.HoldsAsync(async () => await bench.Worker.MetricAsync("queue_worker_lease_renewals_total") >= 10, "the long call's lease was renewed for three thresholds");
        gate.SetResult();
        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends, s => s.Path.Contains("long", StringComparison.Ordinal));
        Assert.Equal(80, bench.Sends.Count(s => s.Path.Contains("flaky", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_killed_broker_takes_the_consumers_with_it_and_no_call()
    {
        await using var server = await NatsServer.StartAsync();
        await using var bench = await Bench.StartAsync(Bench.Statuses(500, 500, 500, 200), Function(("initial_retry_wait", "1s"), ("max_retry_wait", "1s")), server);
        await bench.EnqueueAsync();
        await bench.Http.ReceivesAsync(1);

        await server.KillAsync();
        await server.StartAgainAsync();
        await bench.EnqueueAsync();
        await bench.IsEmptyAsync();

        Assert.Equal(2, bench.Sends.Select(s => s.CallId).Distinct().Count());
    }

    [Fact]
    public async Task Partitions_divide_the_functions_and_together_serve_all()
    {
        await using var bench = await Bench.StartAsync(options: Function(("queue_partitions", "2"), ("filter_partition", "0")), server: nats.Server);
        await bench.StartAnotherAsync(new() { ["filter_partition"] = "1" });
        var other = await bench.StartAnotherAsync(new() { ["filter_partition"] = "1" });

        for (var i = 0; i < 40; i++)
        {
            await bench.EnqueueAsync(Bench.Call(new FunctionName($"f-{i}", "openfaas-fn")));
        }

        await bench.IsEmptyAsync();
        await bench.Worker.TerminateAsync();
        var lines = bench.Worker.Process.Lines.Count(l => l.Contains(" Invoked ", StringComparison.Ordinal));

        Assert.Equal(40, bench.Sends.Count);
        Assert.InRange(lines, 10, 30);
        Assert.Equal(0, await other.TerminateAsync());
    }

    [Fact]
    public async Task The_learned_limit_keeps_refusals_rare()
    {
        var (running, refused) = (0, 0);
        await using var bench = await Bench.StartWithoutWorkerAsync(
            async (_, http) =>
            {
                if (Interlocked.Increment(ref running) > 5)
                {
                    Interlocked.Increment(ref refused);
                    http.Response.StatusCode = 429;
                }
                else
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, http.RequestAborted);
                }

                Interlocked.Decrement(ref running);
            },
            Function(("debug", "false")),
            nats.Server);
        await Task.WhenAll(Enumerable.Range(0, 1_000).Select(_ => bench.EnqueueAsync()));

        await bench.StartWorkerAsync();
        await bench.Http.ReceivesAsync(800);
        var limit = await bench.Worker.MetricAsync($"queue_worker_learned_limit{{queue_name=\"{bench.Queue}\",function_name=\"echo.openfaas-fn\"}}");
        await bench.IsEmptyAsync();

        output.WriteLine($"limit {limit}, {refused} of {bench.Sends.Count} refused");
        Assert.InRange(refused, 1, 100);
    }
}
