using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.Extensions.Time.Testing;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Tests;

/// <summary>Breakers that are closed, and failures that open none: of neither anything stays (R23 of docs/delivery-states.md).</summary>
public sealed class ForgottenBreakersTests(SharedNats nats) : IClassFixture<SharedNats>
{
    // No watch tells of what is removed by hand.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task R23_a_breaker_whose_record_is_gone_is_closed_when_that_is_met_and_nothing_is_written(bool isProbe)
    {
        var ct = TestContext.Current.CancellationToken;
        var now = TimeProvider.System.GetUtcNow();
        var breaker = new OpenBreaker { At = now, ProbeAt = now, Wait = TimeSpan.FromHours(1), MaxWait = TimeSpan.FromHours(1) };
        await using var server = await NatsServer.StartAsync();
        await using var worker = await BreakerWatcher.StartAsync(server);
        Assert.True(await worker.Pauses.OpenAsync(Bench.Echo, breaker, ct));
        await worker.Link.JetStream.PurgeStreamAsync(StreamNames.BucketStream(StreamNames.Paused), new StreamPurgeRequest(), ct);
        var before = await StateAsync();

        if (isProbe)
        {
            Assert.False(await worker.Pauses.TryClaimProbeAsync(Bench.Echo, ct));
        }
        else
        {
            await worker.Pauses.CloseAsync(Bench.Echo, ct);
        }

        Assert.Null(worker.Pauses.BreakerOf(Bench.Echo));
        Assert.Equal(before, await StateAsync());

        // By the very next number.
        Assert.True(await worker.Pauses.OpenAsync(Bench.Echo, breaker, ct));
        Assert.NotNull(worker.Pauses.BreakerOf(Bench.Echo));

        async Task<ulong> StateAsync() => (await worker.Link.JetStream.GetStreamAsync(StreamNames.BucketStream(StreamNames.Paused), cancellationToken: ct)).Info.State.LastSeq;
    }

    [Fact]
    public async Task R23_breakers_that_are_closed_are_forgotten_by_who_closed_them_and_unknown_to_who_comes_later()
    {
        const int many = 1_000;
        var ct = TestContext.Current.CancellationToken;
        var now = TimeProvider.System.GetUtcNow();
        var breaker = new OpenBreaker { At = now, ProbeAt = now, Wait = TimeSpan.FromHours(1), MaxWait = TimeSpan.FromHours(1) };
        await using var server = await NatsServer.StartAsync();
        await using var worker = await BreakerWatcher.StartAsync(server);
        await using var later = await BreakerWatcher.StartAsync(server, queue: worker.Queue);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var watching = worker.Pauses.RunAsync(end.Token);
        await worker.Pauses.LoadedAsync(ct);

        await Parallel.ForEachAsync(Enumerable.Range(0, many), new ParallelOptions { MaxDegreeOfParallelism = 20, CancellationToken = ct }, async (i, _) =>
        {
            var function = new FunctionName($"f{i}", "openfaas-fn");
            Assert.True(await worker.Pauses.OpenAsync(function, breaker, ct));
            await worker.Pauses.CloseAsync(function, ct);
            Assert.Null(worker.Pauses.BreakerOf(function));
        });
        Assert.True(await worker.Pauses.OpenAsync(Bench.Echo, breaker, ct));
        await Eventually.HoldsAsync(() => worker.Pauses.Remembered == 1, () => $"it remembers the one that is open, and {worker.Pauses.Remembered} in all");

        var alsoWatching = later.Pauses.RunAsync(end.Token);
        await later.Pauses.LoadedAsync(ct);
        Assert.NotNull(later.Pauses.BreakerOf(Bench.Echo));
        Assert.Equal(1, later.Pauses.Remembered);
        await end.CancelAsync();
        await Task.WhenAll(watching, alsoWatching);
    }

    [Fact]
    public async Task What_breakers_left_is_swept_from_time_to_time()
    {
        var time = new FakeTimeProvider();
        await using var server = await NatsServer.StartAsync();
        await using var worker = await BreakerWatcher.StartAsync(server, time: time);
        await using var asked = await worker.Link.Connection.SubscribeCoreAsync<string>($"$JS.API.CONSUMER.CREATE.{StreamNames.BucketStream(StreamNames.Paused)}.>");
        using var end = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var running = worker.Pauses.RunAsync(end.Token);
        await worker.Pauses.LoadedAsync(end.Token);

        // It reads no values; the watch does.
        time.Advance(TimeSpan.FromHours(1));
        await Eventually.HoldsAsync(
            () => asked.Msgs.TryRead(out var request) && request.Data!.Contains("\"headers_only\":true", StringComparison.Ordinal), "it looks for them");
        await end.CancelAsync();
        await running;
    }

    // Of functions that are deleted before their breakers open comes nothing more.
    [Fact]
    public async Task A_row_of_failures_is_over_after_a_day_without_one()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        var unreached = new Outcome { Kind = OutcomeKind.Unreachable, Status = 503 };
        await using var worker = await BreakerWatcher.StartAsync(nats.Server, new() { ["breaker_failures"] = "2" }, time: time);
        for (var i = 0; i < 100; i++)
        {
            Assert.False(await worker.HoldsAsync(unreached, new FunctionName($"f{i}", "openfaas-fn")));
        }

        Assert.False(await worker.HoldsAsync(unreached));
        Assert.Equal(101, worker.Failing);
        time.Advance(TimeSpan.FromDays(1));

        Assert.False(await worker.HoldsAsync(unreached));
        Assert.Equal(1, worker.Failing);
        time.Advance(TimeSpan.FromHours(23));
        Assert.True(await worker.HoldsAsync(unreached));
    }
}
