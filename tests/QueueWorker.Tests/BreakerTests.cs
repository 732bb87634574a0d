using Connectors.QueueWorker.Dispatching;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using NATS.Client.Core;

namespace Connectors.QueueWorker.Tests;

/// <summary>Functions that cannot be reached: their calls wait instead of using attempts (R23 of docs/delivery-states.md).</summary>
public sealed class BreakerTests(SharedNats nats) : IClassFixture<SharedNats>
{
    private const int Failures = 3;
    private const int Calls = 30;

    private static readonly FunctionName Other = new("other", "openfaas-fn");

    [Theory]
    [InlineData("static", 1)]
    [InlineData("function", 1)]
    [InlineData("static", 20)]
    public async Task R23_a_function_that_is_down_costs_few_attempts_is_probed_one_call_at_a_time_and_all_run_when_it_is_back(string mode, int slots)
    {
        var isDown = true;
        var gate = new TaskCompletionSource();
        await using var bench = await Bench.StartAsync(
            async (request, http) =>
            {
                await gate.Task.WaitAsync(http.RequestAborted);
                if (Volatile.Read(ref isDown) && request.Path.Contains("echo", StringComparison.Ordinal))
                {
                    http.Response.StatusCode = 503;
                    http.Response.Headers["X-OpenFaaS-Internal"] = "gateway";
                }
            },
            new()
            {
                ["scaling_mode"] = mode,
                ["max_inflight"] = $"{slots}",
                ["max_retry_attempts"] = "3",
                ["initial_retry_wait"] = "2s",
                ["max_retry_wait"] = "2s",
                ["breaker_failures"] = $"{Failures}",
                ["breaker_min_wait"] = "200ms",
                ["breaker_max_wait"] = "400ms",
            },
            nats.Server);
        await bench.EnqueueManyAsync(Calls, () => Bench.Call());
        await Eventually.HoldsAsync(() => bench.Sends.Count == slots, "all slots are taken");
        gate.SetResult();
        await Eventually.HoldsAsync(async () => await bench.Worker.MetricAsync($"queue_worker_breaker_open{{queue_name=\"{bench.Queue}\",function_name=\"{Bench.Echo}\"}}") == 1, "the breaker is open");
        await bench.HoldsAsync(bench.Calls, 0);

        // Far more probes than any call has attempts, and another function's call in between.
        var before = bench.Sends.Count;
        await Eventually.HoldsAsync(() => bench.Sends.Count > before + 8, "it is probed");
        var other = await bench.EnqueueAsync(Bench.Call(Other));
        await Eventually.HoldsAsync(() => bench.Sends.Any(send => send.Header("X-Delivery-Id") == other.DeliveryId), "another function's call runs");
        Assert.Equal(0, await bench.CountAsync(bench.Dead));
        Assert.True(bench.Sends.All(send => int.Parse(send.Header("X-Attempt")!, System.Globalization.CultureInfo.InvariantCulture) <= 2), "attempts are used by those alone that failed before it opened");

        Volatile.Write(ref isDown, false);
        await bench.HoldsAsync(bench.Aside, 0);
        await bench.IsEmptyAsync();
        await Eventually.HoldsAsync(async () => await bench.Worker.MetricAsync($"queue_worker_breaker_open{{queue_name=\"{bench.Queue}\",function_name=\"{Bench.Echo}\"}}") is null, "it is closed");

        Assert.Equal(0, await bench.CountAsync(bench.Dead));
        Assert.Equal(Calls + 1, bench.Sends.Select(send => send.Header("X-Delivery-Id")).Distinct().Count());
        Assert.Equal(Calls, await bench.Worker.MetricAsync($"queue_worker_queue_time_seconds_count{{queue_name=\"{bench.Queue}\",function_name=\"{Bench.Echo}\"}}"));
        Assert.InRange(bench.Sends.Where(send => send.Header("X-Attempt") == "2").Select(send => send.Header("X-Delivery-Id")).Distinct().Count(), slots == 1 ? Failures - 1 : 0, Failures - 1);
    }

    [Fact]
    public async Task R23_where_nothing_can_be_put_aside_one_of_the_calls_that_stay_is_the_probe()
    {
        var isDown = true;
        await using var bench = await Bench.StartWithoutWorkerAsync(
            (_, http) =>
            {
                if (Volatile.Read(ref isDown))
                {
                    http.Abort();
                }

                return Task.CompletedTask;
            },
            new() { ["breaker_failures"] = "1", ["breaker_min_wait"] = "100ms", ["breaker_max_wait"] = "100ms" },
            nats.Server);
        await Faults.FillAsync(bench, bench.Aside, StreamNames.AsideSubject(bench.Queue, AsideGroup.Held(Other), Priority.Normal, Other));
        await bench.EnqueueAsync();
        await bench.EnqueueAsync();
        await bench.StartWorkerAsync();
        await Eventually.HoldsAsync(async () => await bench.Worker.MetricAsync($"queue_worker_breaker_open{{queue_name=\"{bench.Queue}\",function_name=\"{Bench.Echo}\"}}") == 1, "the breaker is open");

        Volatile.Write(ref isDown, false);
        await bench.HoldsAsync(bench.Calls, 0);
        await Eventually.HoldsAsync(async () => await bench.Worker.MetricAsync($"queue_worker_breaker_open{{queue_name=\"{bench.Queue}\",function_name=\"{Bench.Echo}\"}}") is null, "it is closed");

        Assert.Equal(0, await bench.CountAsync(bench.Dead));
        Assert.Equal(2, bench.Sends.Select(send => send.Header("X-Delivery-Id")).Distinct().Count());
        Assert.All(bench.Sends, send => Assert.Equal("1", send.Header("X-Attempt")));
    }

    // Whoever wrote it: it says nothing of when a probe is due.
    [Fact]
    public async Task R23_a_record_that_cannot_be_read_is_replaced_when_the_breaker_opens()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(
            (_, http) =>
            {
                http.Response.StatusCode = 503;
                http.Response.Headers["X-OpenFaaS-Internal"] = "gateway";
                return Task.CompletedTask;
            },
            new() { ["breaker_failures"] = "1", ["breaker_min_wait"] = "1h", ["breaker_max_wait"] = "1h" },
            nats.Server);
        var bucket = await bench.PausesAsync();
        await bucket.PutAsync(OpenBreaker.Key(bench.Queue, Bench.Echo), "x"u8.ToArray(), NatsRawSerializer<byte[]>.Default);
        await bench.StartWorkerAsync();

        await bench.EnqueueAsync();
        await Eventually.HoldsAsync(async () => await bench.Worker.MetricAsync($"queue_worker_breaker_open{{queue_name=\"{bench.Queue}\",function_name=\"{Bench.Echo}\"}}") == 1, "the breaker is open");
        await bench.HoldsAsync(bench.Aside, 1);
        await bench.HoldsAsync(bench.Calls, 0);

        Assert.Single(bench.Sends);
    }

    [Fact]
    public async Task A_delayed_call_that_is_due_while_the_breaker_is_open_is_no_probe()
    {
        await using var bench = await Bench.StartAsync(
            (_, http) =>
            {
                http.Abort();
                return Task.CompletedTask;
            },
            new() { ["breaker_failures"] = "1", ["breaker_min_wait"] = "1h", ["breaker_max_wait"] = "1h" },
            nats.Server);
        await bench.EnqueueAsync();
        await bench.HoldsAsync(bench.Aside, 1);

        var now = TimeProvider.System.GetUtcNow();
        var delayed = Bench.Call() with { Due = now, NotBefore = now };
        await bench.PublishAsync(StreamNames.AsideSubject(bench.Queue, AsideGroup.At(now), Priority.Normal, Bench.Echo), [], null, (EnvelopeCodec.HeaderName, EnvelopeCodec.Encode(delayed)));
        await Eventually.HoldsAsync(
            async () => await bench.Worker.MetricAsync($"queue_worker_held_calls{{queue_name=\"{bench.Queue}\",function_name=\"{Bench.Echo}\"}}") == 2, "both are held");

        Assert.Single(bench.Sends);
    }

    [Fact]
    public async Task R23_an_open_breaker_outlives_the_worker_that_opened_it_and_the_annotations_of_a_call_open_it()
    {
        var isDown = true;
        await using var bench = await Bench.StartAsync(
            (_, http) =>
            {
                if (Volatile.Read(ref isDown))
                {
                    http.Abort();
                }

                return Task.CompletedTask;
            },
            new() { ["max_inflight"] = "1" },
            nats.Server);
        await bench.EnqueueAsync(Bench.Call() with { Breaker = new BreakerSettings { Failures = 1, MinWait = TimeSpan.FromSeconds(1), MaxWait = TimeSpan.FromSeconds(1) } });
        await bench.HoldsAsync(bench.Aside, 1);

        await bench.Worker.KillAsync();
        await bench.EnqueueAsync();
        await bench.Worker.StartAgainAsync();
        await bench.HoldsAsync(bench.Aside, 2);

        Volatile.Write(ref isDown, false);
        await bench.HoldsAsync(bench.Aside, 0);
        await bench.IsEmptyAsync();
        Assert.Equal(2, bench.Sends.Select(send => send.Header("X-Delivery-Id")).Distinct().Count());
        Assert.All(bench.Sends, send => Assert.Equal("1", send.Header("X-Attempt")));
    }

    [Theory]
    [InlineData(OutcomeKind.Succeeded, 200, null, true, false)]
    [InlineData(OutcomeKind.Failed, 500, null, true, false)]
    [InlineData(OutcomeKind.Failed, 503, null, true, false)]
    [InlineData(OutcomeKind.Failed, 500, "of-watchdog", true, false)]
    [InlineData(OutcomeKind.Failed, 429, "faas-middleware", true, false)]
    [InlineData(OutcomeKind.Failed, 400, null, false, false)]
    [InlineData(OutcomeKind.TimedOut, 504, null, false, false)]
    [InlineData(OutcomeKind.TimedOut, 504, null, true, false)]
    [InlineData(OutcomeKind.Failed, 500, "proxy", true, true)]
    [InlineData(OutcomeKind.Failed, 502, "gateway", true, true)]
    [InlineData(OutcomeKind.Failed, 503, "proxy", true, true)]
    [InlineData(OutcomeKind.Failed, 504, "of-watchdog", true, true)]
    [InlineData(OutcomeKind.Unreachable, 503, null, false, true)]
    [InlineData(OutcomeKind.Unreachable, 503, null, true, false)]
    [InlineData(OutcomeKind.Unreachable, 502, null, true, false)]
    public void What_says_that_a_function_cannot_be_reached(OutcomeKind kind, int status, string? internalSource, bool hasBegun, bool unreached) =>
        Assert.Equal(unreached, Breakers.IsUnreached(new Outcome { Kind = kind, Status = status, InternalSource = internalSource, HasAnswerBegun = hasBegun }));

    [Theory]
    [InlineData(OutcomeKind.Succeeded, 200, true, "Took")]
    [InlineData(OutcomeKind.Failed, 429, true, "Refused")]
    [InlineData(OutcomeKind.Unreachable, 503, false, "Refused")]
    [InlineData(OutcomeKind.Unreachable, 503, true, "Unknown")]
    [InlineData(OutcomeKind.Unreachable, 502, true, "Unknown")]
    [InlineData(OutcomeKind.Failed, 503, true, "Unknown")]
    [InlineData(OutcomeKind.TimedOut, 504, false, "Unknown")]
    public void What_says_how_many_calls_a_function_takes(OutcomeKind kind, int status, bool hasBegun, string load) =>
        Assert.Equal(load, Dispatcher.LoadOf(new Outcome { Kind = kind, Status = status, HasAnswerBegun = hasBegun }).ToString());

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf", 0)]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nraw", 0)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Large: ", 200_000)]
    public async Task Calls_whose_answers_break_off_use_their_attempts_and_open_no_breaker(string answer, int more)
    {
        await using var function = RawServer.Start(_ => new RawAnswer(more == 0 ? answer : answer + new string('x', more) + "\r\n\r\n", After.Close));
        await using var bench = await Bench.StartAsync(
            options: new() { ["gateway_url"] = function.Url.ToString(), ["max_retry_attempts"] = "3", ["breaker_failures"] = "2", ["breaker_min_wait"] = "1h", ["breaker_max_wait"] = "1h" },
            server: nats.Server);

        Envelope[] calls = [await bench.EnqueueAsync(), await bench.EnqueueAsync()];
        foreach (var call in calls)
        {
            var end = (await bench.DeadLetterAsync(call)).Biography;
            Assert.Equal((DeadReasons.Exhausted, 3), (end.Reason, end.Attempts));
        }

        await bench.IsEmptyAsync();
        Assert.Equal(6, function.Requests.Count);
        Assert.DoesNotContain(bench.Worker.Log, line => line.Contains("Function cannot be reached", StringComparison.Ordinal));
    }

    [Fact]
    public async Task R23_probes_without_an_answer_use_attempts_and_close_nothing()
    {
        const int probes = 3;
        var (state, slow) = (503, 0);
        await using var bench = await Bench.StartAsync(
            async (_, http) =>
            {
                http.Response.StatusCode = Volatile.Read(ref state);
                if (http.Response.StatusCode == 503)
                {
                    http.Response.Headers["X-OpenFaaS-Internal"] = "gateway";
                }
                else if (http.Response.StatusCode == 504)
                {
                    Interlocked.Increment(ref slow);
                    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted);
                }
            },
            new()
            {
                ["max_inflight"] = "1",
                ["upstream_timeout"] = "5s",
                ["max_retry_attempts"] = "2",
                ["initial_retry_wait"] = "1h",
                ["max_retry_wait"] = "1h",
                ["breaker_failures"] = "1",
                ["breaker_min_wait"] = "200ms",
                ["breaker_max_wait"] = "200ms",
            },
            nats.Server);
        await bench.EnqueueManyAsync(Calls, () => Bench.Call());
        await bench.Worker.Process.LineAsync(line => line.Contains("Function cannot be reached", StringComparison.Ordinal), "the breaker is open");

        Volatile.Write(ref state, 504);
        await Eventually.HoldsAsync(() => Volatile.Read(ref slow) >= probes, "some are sent, and are not answered in time");
        Assert.DoesNotContain(bench.Worker.Log, line => line.Contains("Breaker is closed", StringComparison.Ordinal));

        Volatile.Write(ref state, 200);
        await bench.HoldsAsync(bench.Aside, 0);
        await Eventually.HoldsAsync(async () => (await bench.ReadAsync(bench.Calls)).All(record => record.Envelope!.Attempt == 2), "all ran but those that wait for their second attempt");
        Assert.True(await bench.CountAsync(bench.Calls) >= probes);
        Assert.Equal(Calls, bench.Sends.Select(send => send.Header("X-Delivery-Id")).Distinct().Count());
        Assert.Single(bench.Worker.Log, line => line.Contains("Breaker is closed", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(OutcomeKind.Succeeded, 200, true, true)]
    [InlineData(OutcomeKind.Failed, 503, true, true)]
    [InlineData(OutcomeKind.Unreachable, 503, true, true)]
    [InlineData(OutcomeKind.TimedOut, 504, true, true)]
    [InlineData(OutcomeKind.TimedOut, 504, false, false)]
    [InlineData(OutcomeKind.Failed, 400, false, false)]
    public async Task Only_an_answer_closes_a_breaker_and_has_failures_forgotten(OutcomeKind kind, int status, bool hasBegun, bool closes)
    {
        await using var worker = await BreakerWatcher.StartAsync(nats.Server, new() { ["breaker_failures"] = "2" });
        var (unreached, outcome) = (new Outcome { Kind = OutcomeKind.Unreachable, Status = 503 }, new Outcome { Kind = kind, Status = status, HasAnswerBegun = hasBegun });

        Assert.False(await worker.HoldsAsync(unreached));
        Assert.False(await worker.HoldsAsync(outcome));
        Assert.Equal(!closes, await worker.HoldsAsync(unreached));
        if (closes)
        {
            Assert.True(await worker.HoldsAsync(unreached));
        }

        Assert.False(await worker.HoldsAsync(outcome));
        Assert.Equal(closes, worker.Pauses.BreakerOf(Bench.Echo) is null);
    }

    [Fact]
    public async Task R23_a_worker_knows_at_once_of_what_it_wrote_or_came_upon()
    {
        var ct = TestContext.Current.CancellationToken;
        var now = TimeProvider.System.GetUtcNow();
        var breaker = new OpenBreaker { Reason = "first", At = now, ProbeAt = now, Wait = TimeSpan.FromHours(1), MaxWait = TimeSpan.FromHours(1) };
        await using var worker = await BreakerWatcher.StartAsync(nats.Server);
        await using var other = await BreakerWatcher.StartAsync(nats.Server, queue: worker.Queue);

        // Neither watches.
        Assert.True(await worker.Pauses.OpenAsync(Bench.Echo, breaker, ct));
        Assert.Equal("first", worker.Pauses.BreakerOf(Bench.Echo)?.Reason);
        Assert.True(await other.Pauses.OpenAsync(Bench.Echo, breaker with { Reason = "second" }, ct));
        Assert.Equal("first", other.Pauses.BreakerOf(Bench.Echo)?.Reason);

        Assert.True(await worker.Pauses.TryClaimProbeAsync(Bench.Echo, ct));
        Assert.True(worker.Pauses.HeldUntil(Bench.Echo) > now + TimeSpan.FromMinutes(30));
        Assert.False(await worker.Pauses.TryClaimProbeAsync(Bench.Echo, ct));
        Assert.False(await other.Pauses.TryClaimProbeAsync(Bench.Echo, ct));

        await worker.Pauses.CloseAsync(Bench.Echo, ct);
        Assert.Null(worker.Pauses.BreakerOf(Bench.Echo));
        Assert.True(await other.Pauses.OpenAsync(Bench.Echo, breaker with { Reason = "third" }, ct));

        // Closed by one that knew of it before its last probe.
        Assert.True(await worker.Pauses.OpenAsync(Bench.Echo, breaker with { Reason = "fourth" }, ct));
        Assert.True(await worker.Pauses.TryClaimProbeAsync(Bench.Echo, ct));
        await other.Pauses.CloseAsync(Bench.Echo, ct);
        Assert.True(await worker.Pauses.OpenAsync(Bench.Echo, breaker with { Reason = "fifth" }, ct));
        Assert.Equal("fifth", worker.Pauses.BreakerOf(Bench.Echo)?.Reason);
    }
}
