using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Tests;

/// <summary>The calls by which an open breaker finds out whether its function is back, and those that were to be one and are not sent (R23 of docs/delivery-states.md).</summary>
public sealed class ProbeTests(SharedNats nats) : IClassFixture<SharedNats>
{
    // What was held longest ended while the function was down, and is let go first. By waits alone the fresh call's turn would come in days.
    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task R23_a_probe_that_ends_unsent_lets_the_next_be_sent(string mode)
    {
        const int each = 4;
        await using var bench = await Bench.StartAsync(options: new() { ["scaling_mode"] = mode }, server: nats.Server);
        var now = TimeProvider.System.GetUtcNow();
        var breaker = new OpenBreaker { At = now, ProbeAt = now.AddHours(1), Wait = TimeSpan.FromHours(1), MaxWait = TimeSpan.FromHours(8) };
        var fresh = Bench.Call();
        await PauseAsync(bench);
        await bench.PublishAsync(Held(bench), [1]);
        await HoldAsync(bench, Bench.Call() with { Version = 99 });
        for (var call = 0; call < each; call++)
        {
            await HoldAsync(bench, Bench.Call() with { Deadline = now });
            await HoldAsync(bench, Bench.Call() with { Tags = ["gone"] });
        }

        await HoldAsync(bench, fresh);
        await BreakAndResumeAsync(bench, breaker);
        await bench.CancelManyAsync(new BulkCancellation { At = TimeProvider.System.GetUtcNow(), Tag = "gone", Queue = bench.Queue });
        await bench.ManyAreHeardOfAsync();
        Assert.Equal((2 * each) + 3, await bench.CountAsync(bench.Aside));

        await bench.BreakAsync(Bench.Echo, breaker with { ProbeAt = TimeProvider.System.GetUtcNow() });
        await Eventually.HoldsAsync(() => bench.Sends.Count == 1, () => $"the fresh call runs; the worker wrote:\n{bench.Worker.Process.Tail()}");
        await Eventually.HoldsAsync(async () => await bench.Worker.MetricAsync($"queue_worker_breaker_open{{queue_name=\"{bench.Queue}\",function_name=\"{Bench.Echo}\"}}") is null, "it is closed");
        await bench.HoldsAsync(bench.Calls, 0);

        // A newer worker's waits for one.
        await bench.HoldsAsync(bench.Aside, 1);
        var reasons = (await bench.ReadAsync(bench.Dead)).Select(letter => letter.Biography.Reason).ToList();
        Assert.Equal(fresh.DeliveryId, Assert.Single(bench.Sends).Header("X-Delivery-Id"));
        Assert.Equal((each, each, 1), (reasons.Count(r => r == DeadReasons.Expired), reasons.Count(r => r == DeadReasons.Cancelled), reasons.Count(r => r == DeadReasons.Foreign)));
    }

    // What one pull asks for by itself is less; the probe's turn is over an hour later.
    [Theory]
    [InlineData(200_000)]
    [InlineData(1_000_000)]
    public async Task R23_a_large_call_is_a_probe_like_any_other(int size)
    {
        await using var bench = await Bench.StartAsync(server: nats.Server);
        var now = TimeProvider.System.GetUtcNow();
        var breaker = new OpenBreaker { At = now, ProbeAt = now.AddHours(1), Wait = TimeSpan.FromHours(1), MaxWait = TimeSpan.FromHours(8) };
        await PauseAsync(bench);
        await bench.PublishAsync(Held(bench), new byte[size], null, (EnvelopeCodec.HeaderName, EnvelopeCodec.Encode(Bench.Call())));
        await BreakAndResumeAsync(bench, breaker);

        await bench.BreakAsync(Bench.Echo, breaker with { ProbeAt = TimeProvider.System.GetUtcNow() });

        await Eventually.HoldsAsync(() => bench.Sends.Count == 1, () => $"it runs; the worker wrote:\n{bench.Worker.Process.Tail()}");
        await bench.IsEmptyAsync();
    }

    // A retry that waits keeps the breaker open; the call that was held for the probe is purged before.
    [Fact]
    public async Task R23_where_no_call_is_held_no_probe_is_claimed_and_the_next_that_is_held_is_sent_at_once()
    {
        await using var bench = await Bench.StartAsync(server: nats.Server);
        var now = TimeProvider.System.GetUtcNow();
        var breaker = new OpenBreaker { At = now, ProbeAt = now.AddHours(1), Wait = TimeSpan.FromHours(1), MaxWait = TimeSpan.FromHours(8) };
        await bench.EnqueueAsync(Bench.Call() with { Attempt = 2, NotBefore = now.AddHours(1), Retry = new RetrySettings { MaxWait = TimeSpan.FromHours(2) } });
        await PauseAsync(bench);
        await HoldAsync(bench, Bench.Call());
        await BreakAndResumeAsync(bench, breaker);
        await Eventually.HoldsAsync(
            async () => await bench.Worker.MetricAsync($"queue_worker_held_calls{{queue_name=\"{bench.Queue}\",function_name=\"{Bench.Echo}\"}}") == 1, "the worker knows of the held call");
        await bench.JetStream.PurgeStreamAsync(bench.Aside, new StreamPurgeRequest());

        await bench.BreakAsync(Bench.Echo, breaker with { ProbeAt = TimeProvider.System.GetUtcNow() });
        await bench.EnqueueAsync(Bench.Call(new FunctionName("other", "openfaas-fn")));
        await Eventually.HoldsAsync(
            async () => await bench.Worker.MetricAsync($"queue_worker_messages_submitted_total{{queue_name=\"{bench.Queue}\"}}") >= 2, "the worker has looked again, with the probe due");
        var next = Bench.Call();
        await HoldAsync(bench, next);

        await Eventually.HoldsAsync(
            () => bench.Sends.Any(send => send.Header("X-Delivery-Id") == next.DeliveryId), () => $"it is sent; the worker wrote:\n{bench.Worker.Process.Tail()}");
    }

    [Fact]
    public async Task R23_a_probe_is_given_back_once_by_whichever_worker_ends_it_and_opens_nothing()
    {
        var ct = TestContext.Current.CancellationToken;
        var now = TimeProvider.System.GetUtcNow();
        var wait = TimeSpan.FromHours(1);
        var breaker = new OpenBreaker { Reason = "first", At = now, ProbeAt = now, Wait = wait, MaxWait = wait * 8 };
        await using var worker = await BreakerWatcher.StartAsync(nats.Server);
        await using var other = await BreakerWatcher.StartAsync(nats.Server, queue: worker.Queue);
        Assert.True(await worker.Pauses.OpenAsync(Bench.Echo, breaker, ct));
        Assert.True(await other.Pauses.OpenAsync(Bench.Echo, breaker, ct));
        Assert.True(await worker.Pauses.TryClaimProbeAsync(Bench.Echo, ct));

        // The other one ends it, and has not heard of the claim.
        await other.Pauses.ReleaseProbeAsync(Bench.Echo, ct);
        Assert.Equal(wait, other.Pauses.BreakerOf(Bench.Echo)?.Wait);
        Assert.True(other.Pauses.HeldUntil(Bench.Echo) <= TimeProvider.System.GetUtcNow());
        await other.Pauses.ReleaseProbeAsync(Bench.Echo, ct);
        Assert.Equal(wait, other.Pauses.BreakerOf(Bench.Echo)?.Wait);

        Assert.True(await other.Pauses.TryClaimProbeAsync(Bench.Echo, ct));
        Assert.Equal(wait * 2, other.Pauses.BreakerOf(Bench.Echo)?.Wait);

        // Where it cannot be written down, it is as if it had not been tried.
        await other.Pauses.ReleaseProbeAsync(Bench.Echo, new CancellationToken(canceled: true));
        Assert.Equal(wait * 2, other.Pauses.BreakerOf(Bench.Echo)?.Wait);

        // Closed by one of whom the other has not heard.
        await worker.Pauses.CloseAsync(Bench.Echo, ct);
        await other.Pauses.ReleaseProbeAsync(Bench.Echo, ct);
        Assert.True(await worker.Pauses.OpenAsync(Bench.Echo, breaker with { Reason = "second" }, ct));
        Assert.Equal("second", worker.Pauses.BreakerOf(Bench.Echo)?.Reason);
    }

    // An open breaker is closed where no call is left: they are held before it opens.
    private static async Task PauseAsync(Bench bench)
    {
        await bench.PauseAsync(Bench.Echo);
        await Bench.PausedAsync(bench.Worker);
    }

    private static async Task BreakAndResumeAsync(Bench bench, OpenBreaker breaker)
    {
        await bench.BreakAsync(Bench.Echo, breaker);
        await bench.Worker.Process.LineAsync(line => line.Contains("Function cannot be reached", StringComparison.Ordinal), "the open breaker is heard of");
        await bench.ResumeAsync(Bench.Echo);
        await bench.Worker.Process.LineAsync(line => line.Contains("Resumed", StringComparison.Ordinal), "the end of the pause is heard of");
    }

    private static string Held(Bench bench) => StreamNames.AsideSubject(bench.Queue, AsideGroup.Held(Bench.Echo), Priority.Normal, Bench.Echo);

    private static Task HoldAsync(Bench bench, Envelope call) => bench.PublishAsync(Held(bench), [], null, (EnvelopeCodec.HeaderName, EnvelopeCodec.Encode(call)));
}
