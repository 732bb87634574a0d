using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using NATS.Client.JetStream.Models;

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

    // More than a server of 2.15 gives a stream consumers by itself; the stream is there already, and names no number.
    [Fact]
    public async Task Eleven_hundred_functions_with_waiting_calls_are_served_by_one_worker()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(options: Function(("debug", "false")), server: nats.Server);
        await Task.WhenAll(Enumerable.Range(0, 2_200).Select(i => bench.EnqueueAsync(Bench.Call(new FunctionName($"f-{i % 1_100}", "openfaas-fn")))));

        await bench.StartWorkerAsync();
        await bench.IsEmptyAsync();

        Assert.Equal(2_200, bench.Sends.Count);
        Assert.All(bench.Sends.CountBy(s => s.Path), function => Assert.Equal(2, function.Value));
        Assert.DoesNotContain(bench.Worker.Process.Lines, l => l.Contains("maximum consumers", StringComparison.Ordinal));
    }

    // None of their consumers lapses meanwhile.
    [Fact]
    public async Task Functions_take_turns_where_the_stream_may_have_fewer_consumers_which_is_told_once()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(options: Function(("consumer_inactive_threshold", "10m")), server: nats.Server);
        await bench.JetStream.DeleteStreamAsync(bench.Calls);
        await bench.JetStream.CreateStreamAsync(StreamSetup.ConfigOf(StreamShape.Calls(bench.Queue, new StreamLimits())) with { MaxConsumers = 5 });
        await bench.StartWorkerAsync();
        for (var round = 0; round < 2; round++)
        {
            for (var i = 0; i < 24; i++)
            {
                await bench.EnqueueAsync(Bench.Call(new FunctionName($"f-{i % 8}", "openfaas-fn")));
            }

            await bench.IsEmptyAsync();
        }

        Assert.Equal(48, bench.Sends.Count);
        Assert.All(bench.Sends.CountBy(s => s.Path), function => Assert.Equal(6, function.Value));
        Assert.Equal(5, (await bench.JetStream.GetStreamAsync(bench.Calls)).Info.Config.MaxConsumers);
        Assert.Single(bench.Worker.Process.Lines, l => l.Contains("--max-consumers", StringComparison.Ordinal));
    }

    // Somebody else's consumer takes the calls of all functions, and no two of a work-queue stream may take the same.
    [Fact]
    public async Task Consumers_that_cannot_be_made_are_tried_again_and_each_is_told_of_once()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(options: Function(), server: nats.Server);
        await bench.JetStream.CreateOrUpdateConsumerAsync(
            bench.Calls, new ConsumerConfig("foreign") { FilterSubject = StreamNames.CallSubjects(bench.Queue), AckPolicy = ConsumerConfigAckPolicy.Explicit });
        await bench.EnqueueAsync(Bench.Call(new FunctionName("f-0", "openfaas-fn")));
        await bench.EnqueueAsync(Bench.Call(new FunctionName("f-1", "openfaas-fn")));
        await bench.StartWorkerAsync();
        await Eventually.HoldsAsync(() => Warnings() == 2, "both are told of");

        await using var tries = await bench.Connection.SubscribeCoreAsync<string>($"$JS.API.CONSUMER.CREATE.{bench.Calls}.>");
        for (var i = 0; i < 6; i++)
        {
            await tries.Msgs.ReadAsync();
        }

        Assert.Equal(2, Warnings());
        Assert.Empty(bench.Sends);

        await bench.DeleteConsumerAsync(bench.Calls, "foreign");
        await bench.IsEmptyAsync();
        Assert.Equal(2, bench.Sends.Count);

        int Warnings() => bench.Worker.Process.Lines.Count(l => l.Contains("Taking work failed", StringComparison.Ordinal) && l.Contains("\"error\":\"", StringComparison.Ordinal));
    }

    /// <summary>
    /// Twenty thousand calls of 50 ms wait and ten run when another function is called. In function mode its call is among the next ten that start, whatever
    /// the hog's do. In static mode it stands behind all of them: it has not started after four hundred more, its delay follows from their pace, and to see it
    /// start in its turn all but a hundred of those before it are purged.
    /// </summary>
    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task A_call_behind_a_hogs_twenty_thousand_starts_in_its_turn(string mode)
    {
        const int queued = 20_000;
        const int slots = 10;
        var (hog, small) = (new FunctionName("hog", "openfaas-fn"), new FunctionName("small", "openfaas-fn"));
        var (first, later, started) = (new TaskCompletionSource(), new TaskCompletionSource(), 0);
        await using var bench = await Bench.StartWithoutWorkerAsync(
            async (request, http) =>
            {
                var gate = Interlocked.Increment(ref started) <= slots ? first : later;
                await (request.Path.Contains("hog", StringComparison.Ordinal) ? gate.Task.WaitAsync(http.RequestAborted) : Task.CompletedTask);
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, http.RequestAborted);
            },
            new() { ["scaling_mode"] = mode, ["max_inflight"] = $"{slots}", ["limiter_enabled"] = "false" },
            nats.Server);
        await bench.EnqueueManyAsync(queued, () => Bench.Call(hog) with { MaxInflight = slots });
        await bench.StartWorkerAsync();
        await Eventually.HoldsAsync(() => started == slots, "the hog has all slots");

        var call = await bench.EnqueueAsync(Bench.Call(small));
        if (mode == "function")
        {
            await bench.Worker.Process.LineAsync(l => l.Contains("Function found", StringComparison.Ordinal) && l.Contains("small", StringComparison.Ordinal), "the worker knows");
        }

        var opened = TimeProvider.System.GetTimestamp();
        first.SetResult();
        if (mode == "static")
        {
            later.SetResult();
            await bench.Http.ReceivesAsync(slots + 400);
            Assert.DoesNotContain(bench.Sends.Take(slots + 400), s => s.CallId == call.CallId);
            var delay = TimeProvider.System.GetElapsedTime(opened) * ((queued - slots) / 400.0);
            output.WriteLine($"static: it starts after {queued - slots} more calls of the hog, about {delay.TotalSeconds:F0} s at their pace");

            var calls = await bench.JetStream.GetStreamAsync(bench.Calls);
            await calls.PurgeAsync(new StreamPurgeRequest { Filter = StreamNames.CallSubject(bench.Queue, Priority.Normal, hog), Seq = queued - 99 });
        }

        await bench.Http.ReceivesAsync(1, r => r.CallId == call.CallId);

        var place = bench.Sends.ToList().FindIndex(s => s.CallId == call.CallId) - slots;
        if (mode == "static")
        {
            Assert.InRange(place, 400 + 100 - (2 * slots), queued);
        }
        else
        {
            output.WriteLine($"function: it starts after {place} more calls of the hog, {TimeProvider.System.GetElapsedTime(opened).TotalMilliseconds:F0} ms");
            Assert.InRange(place, 0, slots);
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
                for (var seen = Volatile.Read(ref most); now > seen; seen = Volatile.Read(ref most))
                {
                    Interlocked.CompareExchange(ref most, now, seen);
                }

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
    public async Task A_long_call_runs_once_and_retries_all_come_though_their_consumers_might_lapse()
    {
        var gate = new TaskCompletionSource();
        await using var bench = await Bench.StartAsync(
            (request, http) =>
            {
                http.Response.StatusCode = request.Path.Contains("flaky", StringComparison.Ordinal) && request.Header("X-Attempt") != "4" ? 500 : 200;
                return request.Path.Contains("long", StringComparison.Ordinal) ? gate.Task.WaitAsync(http.RequestAborted) : Task.CompletedTask;
            },
            Function(("consumer_inactive_threshold", "1s"), ("ack_wait", "3s")),
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

    // How many refusals a learned limit saves is simulated (ConcurrencyLimitTests); here a function that is full keeps what it has, and others go on.
    [Fact]
    public async Task A_function_that_is_full_is_sent_hardly_anything_once_its_limit_is_learned()
    {
        var other = new FunctionName("other", "openfaas-fn");
        var limited = await RefusedWhileFullAsync("true", async (bench, _) =>
        {
            await bench.EnqueueManyAsync(100, () => Bench.Call(other));
            await bench.Http.ReceivesAsync(100, request => request.Path.Contains("other", StringComparison.Ordinal));
        });
        var greedy = await RefusedWhileFullAsync("false", (_, refused) => Eventually.HoldsAsync(() => refused() >= 100, () => $"it is sent more and more; it refused {refused()}"));

        output.WriteLine($"{limited} refused with the limiter, {greedy} without");
        Assert.InRange(limited, 0, 10);
        Assert.InRange(greedy, 100, int.MaxValue);
    }

    // A function that takes five at a time, and how much it refuses from when it keeps them until the test has seen enough.
    private async Task<int> RefusedWhileFullAsync(string limiter, Func<Bench, Func<int>, Task> enough)
    {
        var (running, refused, isKept) = (0, 0, false);
        var gate = new TaskCompletionSource();
        await using var bench = await Bench.StartWithoutWorkerAsync(
            async (request, http) =>
            {
                if (!request.Path.Contains("echo", StringComparison.Ordinal))
                {
                    return;
                }

                try
                {
                    if (Interlocked.Increment(ref running) > 5)
                    {
                        Interlocked.Increment(ref refused);
                        http.Response.StatusCode = 429;
                    }
                    else
                    {
                        await (Volatile.Read(ref isKept) ? gate.Task.WaitAsync(http.RequestAborted) : Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, http.RequestAborted));
                    }
                }
                finally
                {
                    Interlocked.Decrement(ref running);
                }
            },
            Function(("debug", "false"), ("limiter_enabled", limiter), ("max_retry_wait", "100ms"), ("upstream_timeout", "10m")),
            nats.Server);
        await bench.EnqueueManyAsync(3000, () => Bench.Call());
        await bench.StartWorkerAsync();
        await Eventually.HoldsAsync(
            async () => Volatile.Read(ref refused) > 0
                && (limiter == "false" || await bench.Worker.MetricAsync($"queue_worker_learned_limit{{queue_name=\"{bench.Queue}\",function_name=\"echo.openfaas-fn\"}}") is >= 2 and <= 6),
            "its limit is found");

        Volatile.Write(ref isKept, true);
        await Eventually.HoldsAsync(() => Volatile.Read(ref running) > 0, "it keeps some");
        var before = Volatile.Read(ref refused);
        await enough(bench, () => Volatile.Read(ref refused) - before);
        var after = Volatile.Read(ref refused);
        gate.SetResult();
        return after - before;
    }
}
