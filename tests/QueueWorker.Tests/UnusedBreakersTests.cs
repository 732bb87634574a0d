using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Tests;

/// <summary>Breakers of functions whose last held call was purged, or ended unsent (R23 of docs/delivery-states.md).</summary>
public sealed class UnusedBreakersTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task R23_a_breaker_is_closed_when_its_last_call_is_purged_and_the_next_call_is_sent(string mode)
    {
        await using var bench = await Bench.StartAsync(
            (_, http) =>
            {
                http.Abort();
                return Task.CompletedTask;
            },
            new() { ["scaling_mode"] = mode, ["breaker_failures"] = "1", ["breaker_min_wait"] = "1h", ["breaker_max_wait"] = "1h" },
            nats.Server);
        await bench.EnqueueAsync();
        await bench.HoldsAsync(bench.Aside, 1);
        await bench.HoldsAsync(bench.Calls, 0);
        Assert.Equal(1, await OpenAsync(bench));

        await bench.JetStream.PurgeStreamAsync(bench.Aside, new StreamPurgeRequest());
        await Eventually.HoldsAsync(async () => await OpenAsync(bench) is null, () => $"it is closed; the worker wrote:\n{bench.Worker.Process.Tail()}");

        await bench.EnqueueAsync();
        await Eventually.HoldsAsync(() => bench.Sends.Count == 2, () => $"the next call is sent; the worker wrote:\n{bench.Worker.Process.Tail()}");
        await bench.HoldsAsync(bench.Aside, 1);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("other", true)]
    [InlineData("held", false)]
    [InlineData("told", false)]
    [InlineData("waiting", false)]
    [InlineData("changed", false)]
    public async Task R23_a_breaker_is_closed_only_where_no_call_of_its_function_is_left_and_it_is_as_it_was_known(string left, bool closes)
    {
        var ct = TestContext.Current.CancellationToken;
        await using var bench = await Bench.StartWithoutWorkerAsync(server: nats.Server);
        await using var worker = await BreakerWatcher.StartAsync(nats.Server, queue: bench.Queue);
        await using var other = await BreakerWatcher.StartAsync(nats.Server, queue: bench.Queue);
        var now = TimeProvider.System.GetUtcNow();
        var breaker = new OpenBreaker { Reason = "first", At = now, ProbeAt = now, Wait = TimeSpan.FromHours(1), MaxWait = TimeSpan.FromHours(1) };
        Assert.True(await worker.Pauses.OpenAsync(Bench.Echo, breaker, ct));
        Assert.True(await other.Pauses.OpenAsync(Bench.Echo, breaker, ct));
        switch (left)
        {
            case "held":
                await bench.PublishAsync(StreamNames.AsideSubject(bench.Queue, AsideGroup.Held(Bench.Echo), Priority.High, Bench.Echo), []);
                break;
            case "waiting":
                await bench.EnqueueAsync(Bench.Call());
                break;
            case "other":
                await bench.EnqueueAsync(Bench.Call(Bench.Echo with { Namespace = "other" }));
                await bench.PublishAsync(StreamNames.AsideSubject(bench.Queue, AsideGroup.At(now), Priority.Normal, Bench.Echo), []);
                break;
            case "changed":
                // It does not hear of the claim: it does not watch.
                Assert.True(await other.Pauses.TryClaimProbeAsync(Bench.Echo, ct));
                break;
        }

        string[] told = left == "told" ? [StreamNames.AsideSubject(bench.Queue, AsideGroup.Held(Bench.Echo), Priority.High, Bench.Echo)] : [];
        await worker.UnusedBreakers.CloseAsync(told, ct);

        // Whoever finds one in the bucket takes that.
        await using var third = await BreakerWatcher.StartAsync(nats.Server, queue: bench.Queue);
        Assert.True(await third.Pauses.OpenAsync(Bench.Echo, breaker with { Reason = "second" }, ct));
        Assert.Equal(closes ? "second" : "first", third.Pauses.BreakerOf(Bench.Echo)?.Reason);
        Assert.Equal(closes, worker.Pauses.BreakerOf(Bench.Echo) is null);
    }

    private static Task<double?> OpenAsync(Bench bench) =>
        bench.Worker.MetricAsync($"queue_worker_breaker_open{{queue_name=\"{bench.Queue}\",function_name=\"{Bench.Echo}\"}}");
}
