using System.Runtime.InteropServices;
using System.Text;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;

namespace Connectors.QueueWorker.Tests;

/// <summary>R13 of docs/delivery-states.md: calls that their callers cancel, waiting and running.</summary>
public sealed class CancelTests(SharedNats nats) : IClassFixture<SharedNats>
{
    private const int Slots = 20;

    // For how long a worker's calls wait for the cancellations that there are when it starts.
    private static readonly TimeSpan LoadLimit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task R13_of_1_000_calls_200_are_cancelled_20_of_them_running_and_the_rest_complete()
    {
        var gate = new TaskCompletionSource();
        await using var bench = await Bench.StartAsync(
            (request, http) => request.Path.StartsWith("/function/", StringComparison.Ordinal) ? gate.Task.WaitAsync(http.RequestAborted) : Task.CompletedTask,
            new() { ["max_inflight"] = $"{Slots}", ["upstream_timeout"] = "10m" },
            nats.Server);
        var calls = new List<Envelope>();
        for (var i = 0; i < 1000; i++)
        {
            calls.Add(await bench.EnqueueAsync(Bench.Call() with { Callback = i % 100 == 0 ? bench.CallbackUrl.ToString() : null }));
        }

        await Eventually.HoldsAsync(() => bench.Sends.Count == Slots, "all slots are taken");
        var running = bench.Sends.Select(s => s.Header("X-Call-Id")!).ToHashSet();
        var waiting = calls.Where(c => !running.Contains(c.CallId)).Take(180).Select(c => c.CallId).ToHashSet();

        await CancelAsync(bench, [.. waiting, .. running]);
        await Eventually.HoldsAsync(async () => await bench.CountAsync(bench.Dead) >= 200, "what ran is aborted before it answers, and what waited next is not started");
        gate.SetResult();
        await bench.IsEmptyAsync();

        var sent = bench.Sends.Select(s => s.Header("X-Call-Id")!).ToList();
        var dead = await bench.ReadAsync(bench.Dead);
        Assert.Equal(820, sent.Count);
        Assert.Equal(820, sent.Distinct().Count());
        Assert.DoesNotContain(sent, waiting.Contains);
        Assert.Equal(200, dead.Count);
        Assert.All(dead, d => Assert.Equal(DeadReasons.Cancelled, d.Biography.Reason));
        Assert.All(dead, d => Assert.StartsWith($"{bench.Queue}.dead.cancelled.", d.Subject, StringComparison.Ordinal));
        Assert.True(running.Concat(waiting).ToHashSet().SetEquals(dead.Select(d => d.Envelope!.CallId)));
        Assert.Equal(Slots, dead.Count(d => d.Biography.Attempts == 1));
        var told = calls.Where(c => c.Callback is not null).ToList();
        Assert.Equal(told.Count, bench.Posts.Count);
        Assert.All(bench.Posts, p => Assert.Equal(running.Contains(p.Header("X-Call-Id")!) || waiting.Contains(p.Header("X-Call-Id")!) ? "499" : "200", p.Header("X-Function-Status")));
        Assert.All(bench.Posts.Where(p => p.Header("X-Function-Status") == "499"), p => Assert.Equal("cancelled", p.Header("X-Call-State")));
        Assert.Contains(bench.Posts, p => p.Header("X-Function-Status") == "499");
    }

    [Fact]
    public async Task R13_what_runs_while_its_worker_drains_is_cancelled_too()
    {
        await using var bench = await Bench.StartAsync(
            (request, http) => request.Path.StartsWith("/function/", StringComparison.Ordinal) ? Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted) : Task.CompletedTask,
            new() { ["grace_period"] = "10m" },
            nats.Server);
        var call = await bench.EnqueueAsync();
        await bench.Http.ReceivesAsync(1);
        var ended = bench.Worker.TerminateAsync();
        await Eventually.HoldsAsync(() => bench.Worker.Process.Lines.Any(l => l.Contains(" Draining ", StringComparison.Ordinal)), "it drains");

        await CancelAsync(bench, [call.CallId]);

        Assert.Equal(0, await ended);
        Assert.Equal(DeadReasons.Cancelled, (await bench.DeadLetterAsync(call)).Biography.Reason);
    }

    // A worker that cannot read the cancellations, or is not told them in time, goes on without. A busy machine may be so slow, but not each time.
    [Fact]
    public async Task R13_what_was_cancelled_while_no_worker_ran_does_not_start()
    {
        const int tries = 5;
        for (var again = 1; ; again++)
        {
            await using var bench = await Bench.StartWithoutWorkerAsync(server: nats.Server);
            var cancelled = await bench.EnqueueAsync();
            var other = await bench.EnqueueAsync();
            await CancelAsync(bench, [cancelled.CallId]);

            var from = TimeProvider.System.GetUtcNow();
            await bench.StartWorkerAsync();
            await bench.IsEmptyAsync();

            var isUnseen = bench.Worker.Process.Lines.Any(line => line.Contains("Cancellations cannot be seen", StringComparison.Ordinal));
            if (again < tries && bench.Sends.FirstOrDefault(s => s.CallId == cancelled.CallId) is { } sent && (isUnseen || sent.At - from >= LoadLimit))
            {
                continue;
            }

            Assert.Equal([other.CallId], bench.Sends.Select(s => s.CallId));
            Assert.Equal(0, (await bench.DeadLetterAsync(cancelled)).Biography.Attempts);
            return;
        }
    }

    // As while a cluster has no leader for a moment.
    [Fact]
    public async Task R13_what_was_cancelled_does_not_start_though_the_first_look_for_it_fails()
    {
        await using var proxy = new NatsProxy(nats.Server.Port);
        await using var bench = await Bench.StartWithoutWorkerAsync(options: new() { ["nats_port"] = proxy.Port.ToString() }, server: nats.Server);
        var cancelled = await bench.EnqueueAsync();
        var other = await bench.EnqueueAsync();
        await CancelAsync(bench, [cancelled.CallId]);
        var question = Encoding.ASCII.GetBytes($" $JS.API.STREAM.CREATE.KV_{StreamNames.Cancelled} ");
        var isLost = 0;
        proxy.Before = bytes =>
        {
            // Asks what no server knows.
            var span = MemoryMarshal.AsMemory(bytes).Span;
            if (span.IndexOf(question) is >= 0 and var found && Interlocked.Exchange(ref isLost, 1) == 0)
            {
                " $JS.API.STREAM.NOBODY."u8.CopyTo(span[found..]);
            }

            return Task.CompletedTask;
        };

        await bench.StartWorkerAsync();
        await bench.Worker.Process.LineAsync(line => line.Contains("Cancellations cannot be seen", StringComparison.Ordinal), "it has failed");
        await bench.IsEmptyAsync();

        Assert.Equal([other.CallId], bench.Sends.Select(send => send.CallId));
        Assert.Equal(0, (await bench.DeadLetterAsync(cancelled)).Biography.Attempts);
    }

    // As many as anybody can leave there, and the one that counts comes last.
    [Fact]
    public async Task R13_what_was_cancelled_does_not_start_though_hundreds_of_thousands_of_other_ids_were()
    {
        const int ids = 200_000;
        await using var bench = await Bench.StartWithoutWorkerAsync();
        var cancelled = await bench.EnqueueAsync();
        var other = await bench.EnqueueAsync();
        var bucket = await bench.CancellationsAsync();
        var value = new Cancellation(TimeProvider.System.GetUtcNow()).Encode();
        foreach (var some in Enumerable.Range(0, ids).Chunk(1000))
        {
            await Task.WhenAll(some.Select(_ => PutAsync(Guid.NewGuid().ToString())));
        }

        await PutAsync(cancelled.CallId);
        await bench.StartWorkerAsync();
        await bench.IsEmptyAsync();

        Assert.Equal([other.CallId], bench.Sends.Select(send => send.CallId));
        Assert.Equal(0, (await bench.DeadLetterAsync(cancelled)).Biography.Attempts);
        await Eventually.HoldsAsync(
            async () => await bench.Worker.MetricAsync($"queue_worker_cancelled_ids{{queue_name=\"{bench.Queue}\"}}") == ids + 1, "all of them are known");

        Task PutAsync(string id) => bucket.PutAsync(StreamNames.Token(id), value, NatsRawSerializer<byte[]>.Default).AsTask();
    }

    [Fact]
    public async Task A_call_that_is_put_back_after_its_cancellation_runs_and_the_others_of_its_id_do_not()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(server: nats.Server);
        var (call, other) = (Bench.Call(), Bench.Call());
        await CancelAsync(bench, [call.CallId]);
        await bench.StartWorkerAsync();
        await bench.AllAreHeardOfAsync();
        await bench.EnqueueAsync(call);
        await bench.DeadLetterAsync(call);

        await bench.EnqueueAsync(call with { Redrive = 1, Submitted = TimeProvider.System.GetUtcNow() });
        other = other with { CallId = call.CallId };
        await bench.EnqueueAsync(other);
        await bench.IsEmptyAsync();

        Assert.Equal(call.DeliveryId, Assert.Single(bench.Sends).Header("X-Delivery-Id"));
        Assert.Equal(DeadReasons.Cancelled, (await bench.DeadLetterAsync(other)).Biography.Reason);
    }

    [Fact]
    public async Task A_call_that_is_put_back_and_cancelled_again_does_not_run()
    {
        var gate = new TaskCompletionSource();
        await using var bench = await Bench.StartAsync(Bench.Behind(gate), new() { ["max_inflight"] = "1" }, nats.Server);
        var (other, call) = (Bench.Call(), Bench.Call());
        await CancelAsync(bench, [call.CallId]);
        await bench.AllAreHeardOfAsync();
        await bench.EnqueueAsync(call);
        await bench.DeadLetterAsync(call);
        await bench.EnqueueAsync(other);
        await bench.Http.ReceivesAsync(1);

        await bench.EnqueueAsync(call with { Redrive = 1, Submitted = TimeProvider.System.GetUtcNow() });
        await CancelAsync(bench, [call.CallId]);
        await LastIsHeardOfAsync(bench);
        gate.SetResult();
        await bench.IsEmptyAsync();

        Assert.Equal(other.CallId, Assert.Single(bench.Sends).CallId);
        Assert.Equal([0, 1], (await bench.ReadAsync(bench.Dead)).Select(letter => letter.Envelope!.Redrive));
    }

    // Of a server of its own, for a worker knows the ids of all queues.
    [Fact]
    public async Task Ids_that_were_cancelled_longer_ago_than_the_bucket_keeps_them_are_forgotten()
    {
        await using var bench = await Bench.StartAsync();
        await bench.AllAreHeardOfAsync();
        var (now, bucket) = (TimeProvider.System.GetUtcNow(), await bench.CancellationsAsync());
        foreach (var made in new[] { now - BucketShape.CancellationAge - TimeSpan.FromHours(1), now })
        {
            await bucket.PutAsync(StreamNames.Token(Guid.NewGuid().ToString()), new Cancellation(made).Encode(), NatsRawSerializer<byte[]>.Default);
        }

        await LastIsHeardOfAsync(bench);

        Assert.Equal(1, await bench.Worker.MetricAsync($"queue_worker_cancelled_ids{{queue_name=\"{bench.Queue}\"}}"));
    }

    [Fact]
    public async Task A_cancellation_is_of_the_calls_before_it_and_not_of_an_id_for_ever()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(server: nats.Server);
        var bucket = await bench.CancellationsAsync();
        var made = TimeProvider.System.GetUtcNow() - TimeSpan.FromMinutes(1);
        var (before, soon, later) = (Bench.Call() with { Submitted = made }, Bench.Call() with { Submitted = made + TimeSpan.FromSeconds(1) }, Bench.Call());
        foreach (var call in new[] { before, soon, later })
        {
            await bucket.PutAsync(StreamNames.Token(call.CallId), new Cancellation(made).Encode(), NatsRawSerializer<byte[]>.Default);
        }

        await bench.StartWorkerAsync();
        await bench.AllAreHeardOfAsync();
        await bench.EnqueueAsync(before);
        await bench.EnqueueAsync(soon);
        await bench.DeadLetterAsync(before);
        await bench.DeadLetterAsync(soon);
        await bench.EnqueueAsync(later);
        await bench.IsEmptyAsync();

        Assert.Equal(later.CallId, Assert.Single(bench.Sends).CallId);
    }

    [Fact]
    public async Task R24_a_bulk_cancellation_ends_what_waits_of_its_kind_wherever_it_lies_and_lets_what_runs_run_to_its_end_but_not_again()
    {
        var gate = new TaskCompletionSource();
        await using var bench = await Bench.StartAsync(
            async (request, http) =>
            {
                if (request.Path.StartsWith("/function/", StringComparison.Ordinal))
                {
                    await gate.Task.WaitAsync(http.RequestAborted);
                    http.Response.StatusCode = request.Header("X-Call-Id") == "fails" ? 503 : 200;
                }
            },
            new() { ["max_inflight"] = "2", ["retry_http_codes"] = "503" },
            nats.Server);
        var now = TimeProvider.System.GetUtcNow();
        Envelope Tagged(string id) => Bench.Call() with { CallId = id, Tags = ["old", "x"] };
        await bench.EnqueueAsync(Tagged("runs"));
        await bench.EnqueueAsync(Tagged("fails"));
        await Eventually.HoldsAsync(() => bench.Sends.Count == 2, "two run");
        await bench.EnqueueAsync(Tagged("waits"));
        await bench.EnqueueAsync(Bench.Call() with { CallId = "other-tag", Tags = ["new"] });
        var due = now.AddMilliseconds(1);
        await bench.PublishAsync(
            StreamNames.AsideSubject(bench.Queue, AsideGroup.At(due), Priority.Normal, Bench.Echo),
            [],
            null,
            (EnvelopeCodec.HeaderName, EnvelopeCodec.Encode(Tagged("delayed") with { Due = due, NotBefore = due, Callback = bench.CallbackUrl.ToString() })));
        await bench.CancelManyAsync(new BulkCancellation { At = TimeProvider.System.GetUtcNow(), Tag = "old", Function = Bench.Echo.ToString(), Queue = bench.Queue });
        await bench.ManyAreHeardOfAsync();
        await bench.EnqueueAsync(Tagged("later") with { Submitted = TimeProvider.System.GetUtcNow().AddSeconds(1) });
        gate.SetResult();

        await bench.HoldsAsync(bench.Aside, 0);
        await bench.IsEmptyAsync();

        var dead = await bench.ReadAsync(bench.Dead);
        Assert.Equal("delayed,fails,waits", string.Join(',', dead.Select(letter => letter.Envelope!.CallId).Order(StringComparer.Ordinal)));
        Assert.Equal("fails,later,other-tag,runs", string.Join(',', bench.Sends.Select(send => send.Header("X-Call-Id")).Order(StringComparer.Ordinal)));
        Assert.All(dead, letter => Assert.Equal(DeadReasons.Cancelled, letter.Biography.Reason));
        Assert.Equal("cancelled", Assert.Single(bench.Posts).Header("X-Call-State"));
    }

    [Fact]
    public async Task R24_a_bulk_cancellation_outlives_workers_and_is_not_of_what_was_redriven_after_it_or_of_another_queue()
    {
        await using var bench = await Bench.StartWithoutWorkerAsync(server: nats.Server);
        var call = Bench.Call();
        await bench.CancelManyAsync(new BulkCancellation { At = TimeProvider.System.GetUtcNow().AddHours(1), Queue = "another" });
        await bench.CancelManyAsync(new BulkCancellation { At = TimeProvider.System.GetUtcNow(), Function = Bench.Echo.ToString(), Queue = bench.Queue });
        var redriven = call with { Redrive = 1, Submitted = TimeProvider.System.GetUtcNow().AddSeconds(1) };

        await bench.StartWorkerAsync();
        await bench.ManyAreHeardOfAsync();
        await bench.EnqueueAsync(call);
        await bench.EnqueueAsync(redriven);
        await bench.IsEmptyAsync();

        Assert.Single(bench.Sends);
        Assert.Equal(DeadReasons.Cancelled, (await bench.DeadLetterAsync(call)).Biography.Reason);
    }

    // Cancellations are told in their order: this one, of no call, comes after all that were made before.
    private static async Task LastIsHeardOfAsync(Bench bench)
    {
        const string Tag = "of the last";
        await bench.CancelManyAsync(new BulkCancellation { At = TimeProvider.System.GetUtcNow(), Tag = Tag, Queue = bench.Queue });
        await bench.Worker.Process.LineAsync(line => line.Contains(Tag, StringComparison.Ordinal), "the last cancellation is heard of");
    }

    // As gateways did that wrote no time.
    private static async Task CancelAsync(Bench bench, IEnumerable<string> callIds)
    {
        var bucket = await bench.CancellationsAsync();
        foreach (var id in callIds)
        {
            await bucket.PutAsync(StreamNames.Token(id), Array.Empty<byte>(), NatsRawSerializer<byte[]>.Default);
        }
    }
}
