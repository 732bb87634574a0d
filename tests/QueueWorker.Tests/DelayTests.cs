using System.Globalization;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;

namespace Connectors.QueueWorker.Tests;

/// <summary>Calls that wait for a time which their callers named: R17 and R18 of docs/delivery-states.md.</summary>
public sealed class DelayTests(SharedNats nats) : IClassFixture<SharedNats>
{
    // With CONNECTORS_DELAYED_CALLS=100000 as many, 1,000 each second, and how late they were is told.
    private static readonly int Many =
        int.TryParse(Environment.GetEnvironmentVariable("CONNECTORS_DELAYED_CALLS"), NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : 300;

    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task R17_delayed_calls_run_once_each_and_not_before_their_time_while_a_fresh_one_starts_at_once(string mode)
    {
        await using var bench = await Bench.StartAsync(options: new() { ["scaling_mode"] = mode, ["max_inflight"] = "200", ["limiter_enabled"] = "false", ["debug"] = "false" }, server: nats.Server);
        var from = Now.AddSeconds(Many < 1000 ? 2 : 40);
        var spread = TimeSpan.FromSeconds(Math.Max(2, Many / 1000));
        var calls = Enumerable.Range(0, Many).Select(i => Delayed(from + (spread * i / Many), new FunctionName(i % 2 == 0 ? "echo" : "other", "openfaas-fn"))).ToList();
        await PutAsideAsync(bench, calls);
        var fresh = await bench.EnqueueAsync();
        await Eventually.HoldsAsync(() => bench.Sends.Any(send => send.Header("X-Delivery-Id") == fresh.DeliveryId), "the fresh call runs while all others wait");

        await Eventually.HoldsAsync(() => bench.Sends.Count == Many + 1, () => $"all run; {bench.Sends.Count} did; the worker wrote:\n{bench.Worker.Process.Tail()}");
        await bench.HoldsAsync(bench.Aside, 0);
        await bench.IsEmptyAsync();

        var due = calls.ToDictionary(call => call.DeliveryId, call => call.Due!.Value);
        var sends = bench.Sends.Where(send => due.ContainsKey(send.Header("X-Delivery-Id")!)).ToList();
        Assert.Equal(Many, sends.Select(send => send.Header("X-Delivery-Id")).Distinct().Count());
        Assert.Equal(Many, sends.Count);
        Assert.All(sends, send => Assert.True(send.At >= due[send.Header("X-Delivery-Id")!], "not before its time"));
        Assert.All(sends, send => Assert.Equal("1", send.Header("X-Attempt")));
        var late = sends.Select(send => (send.At - due[send.Header("X-Delivery-Id")!]).TotalMilliseconds).Order().ToList();
        TestContext.Current.SendDiagnosticMessage($"{mode}: {Many} calls, late by {late[late.Count / 2]:F0} ms (median), {late[late.Count * 99 / 100]:F0} ms (99 %), {late[^1]:F0} ms (all)");
    }

    [Fact]
    public async Task R17_a_delayed_call_outlives_broker_and_worker_and_is_found_without_a_hint()
    {
        await using var server = await NatsServer.StartAsync();
        await using var bench = await Bench.StartWithoutWorkerAsync(server: server);
        var call = Delayed(Now.AddSeconds(1));
        await PutAsideAsync(bench, [call]);

        await server.KillAsync();
        await server.StartAgainAsync();
        await bench.StartWorkerAsync();
        await Eventually.HoldsAsync(() => bench.Sends.Count == 1, "it runs");
        await bench.IsEmptyAsync();

        Assert.Equal(call.DeliveryId, Assert.Single(bench.Sends).Header("X-Delivery-Id"));
        Assert.True(bench.Sends[0].At >= call.Due);
    }

    [Fact]
    public async Task R18_a_worker_that_dies_after_a_call_came_back_leaves_one_run()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(server: nats.Server);
        var call = Delayed(Now);
        await PutAsideAsync(bench, [call]);
        await bench.EnqueueAsync(call, [], StreamNames.ReturnMessageId(call.DeliveryId, 0, 1, 1));

        await bench.StartWorkerAsync();
        await bench.HoldsAsync(bench.Aside, 0);
        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends);
    }

    [Fact]
    public async Task R18_a_call_that_the_full_stream_refuses_stays_aside_until_there_is_room()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(server: nats.Server);
        await Faults.FillAsync(bench, bench.Calls, StreamNames.CallSubject(bench.Queue, Priority.Normal, Bench.Echo));
        var call = Delayed(Now);
        await PutAsideAsync(bench, [call]);
        await bench.StartWorkerAsync();
        await Faults.RefusedAsync(bench, StreamNames.ReturnMessageId(call.DeliveryId, 0, 1, 1), times: 2);

        await Faults.MakeRoomAsync(bench, bench.Calls);
        await bench.HoldsAsync(bench.Aside, 0);
        await Eventually.HoldsAsync(() => bench.Sends.Count == 1, "it runs");

        Assert.Equal("1", bench.Sends[0].Header("X-Attempt"));
    }

    [Fact]
    public async Task R18_a_full_stream_is_tried_with_one_batch_of_a_group_at_a_time_and_all_come_back_when_there_is_room()
    {
        const int calls = 1_000;
        const int batch = 64;

        // Whatever was refused is tried again at the next look, or at the one after it, if it was not delivered again in time: the first call's third time is in
        // the fifth look at the latest. More for those that come before it is seen.
        const int looks = 8;
        await using var bench = await Bench.StartWithoutWorkerAsync(options: new() { ["max_inflight"] = "100" }, server: nats.Server);
        await Faults.FillAsync(bench, bench.Calls, StreamNames.CallSubject(bench.Queue, Priority.Normal, Bench.Echo));
        var due = Now;
        var delayed = Enumerable.Range(0, calls).Select(_ => Delayed(due)).ToList();
        await PutAsideAsync(bench, delayed);
        await bench.StartWorkerAsync();
        await Faults.RefusedAsync(bench, StreamNames.ReturnMessageId(delayed[0].DeliveryId, 0, 1, 1), times: 3);
        Assert.InRange(bench.Worker.Process.Lines.Count(line => line.Contains("Write was refused", StringComparison.Ordinal)), 3, looks * batch);

        await Faults.MakeRoomAsync(bench, bench.Calls);
        await bench.HoldsAsync(bench.Aside, 0);
        await Eventually.HoldsAsync(() => bench.Sends.Count >= calls, () => $"all run; {bench.Sends.Count} did");

        Assert.Equal(calls, bench.Sends.Select(send => send.Header("X-Delivery-Id")).Distinct().Count());
        Assert.Equal(calls, bench.Sends.Count);
    }

    [Fact]
    public async Task What_lies_aside_and_is_none_of_ours_becomes_a_dead_letter_and_holds_up_nobody()
    {
        await using var bench = await Bench.StartAsync(server: nats.Server);
        await bench.PublishAsync($"{bench.Queue}.aside.odd", [1]);
        await bench.PublishAsync(StreamNames.AsideSubject(bench.Queue, AsideGroup.At(Now), Priority.Normal, Bench.Echo), [2]);
        await bench.PublishAsync(
            StreamNames.AsideSubject(bench.Queue, AsideGroup.At(Now), Priority.Normal, new FunctionName("other", "ns")), [3], null, (EnvelopeCodec.HeaderName, EnvelopeCodec.Encode(Delayed(Now))));
        await PutAsideAsync(bench, [Delayed(Now)]);

        await Eventually.HoldsAsync(() => bench.Sends.Count == 1, "the call among them runs");
        await bench.HoldsAsync(bench.Aside, 0);
        await bench.HoldsAsync(bench.Dead, 3);

        Assert.All(await bench.ReadAsync(bench.Dead), letter => Assert.Equal(DeadReasons.Foreign, letter.Biography.Reason));
    }

    [Fact]
    public async Task A_delayed_calls_age_counts_from_its_time()
    {
        await using var bench = await Bench.StartAsync(server: nats.Server);
        var old = Now.AddHours(-2);
        var young = Bench.Call() with { Submitted = old, Due = Now, NotBefore = Now, Retry = new RetrySettings { MaxAge = TimeSpan.FromHours(1) } };
        var expired = Bench.Call() with { Submitted = old, Due = old.AddMinutes(1), NotBefore = old.AddMinutes(1), Retry = new RetrySettings { MaxAge = TimeSpan.FromHours(1) } };
        await PutAsideAsync(bench, [young, expired]);

        Assert.Equal(DeadReasons.Expired, (await bench.DeadLetterAsync(expired)).Biography.Reason);
        await bench.IsEmptyAsync();
        Assert.Equal(young.DeliveryId, Assert.Single(bench.Sends).Header("X-Delivery-Id"));
    }

    [Fact]
    public async Task Delayed_calls_are_counted_apart_from_those_that_wait()
    {
        await using var bench = await Bench.StartAsync(server: nats.Server);
        await PutAsideAsync(bench, [Delayed(Now.AddHours(1)), Delayed(Now.AddHours(2)), Delayed(Now.AddHours(2))]);

        var labels = $"{{queue_name=\"{bench.Queue}\",function_name=\"echo.openfaas-fn\"}}";
        await Eventually.HoldsAsync(async () => await bench.Worker.MetricAsync($"queue_worker_delayed_calls{labels}") == 3, "three are delayed");
        Assert.True(await bench.Worker.MetricAsync($"queue_worker_pending_messages{labels}") is null or 0);
    }

    // More than a server tells of in one answer, which it sorts anew for each: what is due soon is in the first.
    [Fact]
    public async Task Looks_at_what_lies_aside_end_behind_what_is_due_soon_and_what_is_due_later_is_counted_all_the_same()
    {
        const int count = 100_050;
        await using var server = await NatsServer.StartAsync();
        await using var bench = await Bench.StartWithoutWorkerAsync(server: server);
        var from = Now.AddHours(1);
        foreach (var some in Enumerable.Range(0, count).Chunk(5000))
        {
            await PutAsideAsync(bench, [.. some.Select(i => Delayed(from.AddSeconds(i)))]);
        }

        await PutAsideAsync(bench, [Delayed(Now.AddSeconds(1))]);
        await using var asked = await bench.Connection.SubscribeCoreAsync<string>($"$JS.API.STREAM.INFO.{bench.Aside}");
        await bench.StartWorkerAsync();
        await Eventually.HoldsAsync(() => bench.Sends.Count == 1, "the one that is due runs, of which no worker heard");

        var labels = $"{{queue_name=\"{bench.Queue}\",function_name=\"echo.openfaas-fn\"}}";
        await Eventually.HoldsAsync(async () => await bench.Worker.MetricAsync($"queue_worker_delayed_calls{labels}") >= count, "all are counted");

        var looks = "";
        await Eventually.HoldsAsync(
            async () =>
            {
                // Without subjects, the held ones, the first of all and those behind them.
                var question = (await asked.Msgs.ReadAsync()).Data ?? "";
                looks += !question.Contains("subjects_filter", StringComparison.Ordinal) ? ""
                    : question.Contains(".held.", StringComparison.Ordinal) ? "h"
                    : question.Contains("\"offset\":1", StringComparison.Ordinal) ? "2"
                    : "1";
                return looks.EndsWith("h1h", StringComparison.Ordinal);
            },
            () => $"a look asks for the first answer alone: {looks}");
    }

    private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    private static Envelope Delayed(DateTimeOffset due, FunctionName? function = null) => Bench.Call(function) with { Due = due, NotBefore = due };

    // As the gateway does.
    private static async Task PutAsideAsync(Bench bench, List<Envelope> calls)
    {
        var before = await bench.StoredAsync(bench.Aside);
        foreach (var call in calls)
        {
            var subject = StreamNames.AsideSubject(bench.Queue, AsideGroup.At(call.Due!.Value), call.Priority, call.FunctionName);
            await bench.Connection.PublishAsync(
                subject, Array.Empty<byte>(), new NatsHeaders { [EnvelopeCodec.HeaderName] = EnvelopeCodec.Encode(call) }, serializer: NatsRawSerializer<byte[]>.Default);
        }

        await Eventually.HoldsAsync(async () => await bench.StoredAsync(bench.Aside) == before + (ulong)calls.Count, "all are stored");
    }
}
