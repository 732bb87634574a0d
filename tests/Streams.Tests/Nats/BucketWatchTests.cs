using System.Collections.Concurrent;
using System.Text;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using NATS.Client.KeyValueStore;

namespace Connectors.Streams.Tests.Nats;

/// <summary>Watches: what they tell, when they end, and that begun again they miss nothing.</summary>
public sealed class BucketWatchTests : OwnServerTests
{
    private Bucket Bucket => field ??= new Bucket(Link, new BucketShape("OF_test", TimeSpan.Zero, StreamStorage.File, Replicas: 1), Eventually.Patience, TimeProvider.System);

    [Fact]
    public async Task A_watch_tells_what_is_there_and_what_comes_and_ends_when_the_bucket_goes()
    {
        await Bucket.PutAsync("a", Encoding.ASCII.GetBytes("1"), Ct);
        var told = new ConcurrentQueue<string>();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var watching = WatchAsync(told, end.Token);
        await Eventually.HoldsAsync(() => told.Contains("loaded"), "it is loaded");
        await Bucket.PutAsync("b", Encoding.ASCII.GetBytes("2"), Ct);
        await Bucket.DeleteAsync("a", Ct);
        await Eventually.HoldsAsync(() => told.Contains("a gone"), "changes are told");
        Assert.Equal(["a 1", "loaded", "b 2", "a gone"], told);

        await new NatsKVContext(Link.JetStream).DeleteStoreAsync("OF_test", Ct);
        await Eventually.HoldsAsync(
            async () =>
            {
                await Bucket.PutAsync("c", Encoding.ASCII.GetBytes("3"), Ct);
                return told.Contains("c 3");
            },
            "the new bucket is watched");
        await end.CancelAsync();
        await watching;
    }

    // As on a server that comes back and catches up with the others: a watch would take what it does not know yet for what has ended.
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_watch_whose_server_lags_behind_the_leader_is_not_loaded_before_it_has_told_what_the_leader_had(int behind)
    {
        foreach (var key in new[] { "a", "b", "c" })
        {
            await Bucket.PutAsync(key, [1], Ct);
        }

        await using var proxy = new NatsProxy(Server.Port);
        proxy.LagBehind("KV_OF_test", behind);
        await using var link = await TestLink.StartAsync(proxy.Port);
        var told = new ConcurrentQueue<string>();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var shape = new BucketShape("OF_test", TimeSpan.Zero, StreamStorage.File, Replicas: 1);
        var watching = new Bucket(link.Link, shape, Eventually.Patience, TimeProvider.System).WatchAsync(entry => told.Enqueue(entry.Key), () => told.Enqueue("loaded"), end.Token);

        await Eventually.HoldsAsync(() => told.Contains("loaded"), "it is loaded");

        Assert.Equal(["a", "b", "c", "loaded"], told);
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => watching);
    }

    // The next bucket gives its numbers out anew: what is written to it stands far below what was told last.
    [Fact]
    public async Task A_watch_ends_when_its_bucket_is_another_one_and_begun_again_tells_all_of_that()
    {
        for (var i = 0; i < 10; i++)
        {
            await Bucket.PutAsync($"k.{i}", Encoding.ASCII.GetBytes("old"), Ct);
        }

        var told = new ConcurrentQueue<string>();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var watching = WatchAsync(told, end.Token);
        await Eventually.HoldsAsync(() => told.Contains("loaded"), "it is loaded");

        await new NatsKVContext(Link.JetStream).DeleteStoreAsync("OF_test", Ct);
        await Bucket.PutAsync("k.0", Encoding.ASCII.GetBytes("new"), Ct);

        await Eventually.HoldsAsync(() => told.Contains("k.0 new"), "the new bucket is watched");
        await Eventually.HoldsAsync(() => told.Count(line => line == "loaded") > 1, "it is loaded anew");
        await end.CancelAsync();
        await watching;
    }

    [Fact]
    public async Task A_watch_that_is_begun_again_makes_a_bucket_that_is_gone()
    {
        await WatchAsync();
        await new NatsKVContext(Link.JetStream).DeleteStoreAsync("OF_test", Ct);

        await WatchAsync();

        Assert.NotNull(await new NatsKVContext(Link.JetStream).GetStoreAsync("OF_test", Ct));

        // Until it is loaded, again and again, as its users do.
        Task WatchAsync() => Eventually.HoldsAsync(
            async () =>
            {
                using var end = CancellationTokenSource.CreateLinkedTokenSource(Ct);
                var loaded = new TaskCompletionSource();
                var watching = Bucket.WatchAsync(_ => { }, loaded.SetResult, end.Token);
                await Task.WhenAny(watching, loaded.Task);
                await end.CancelAsync();
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => watching);
                return loaded.Task.IsCompleted;
            },
            "it is loaded");
    }

    [Fact]
    public async Task A_watch_ends_with_its_connection_and_begun_again_misses_nothing()
    {
        var told = new ConcurrentDictionary<string, int>();
        var ended = 0;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var watching = WatchAsync();
        for (var i = 0; i < 60; i++)
        {
            if (i % 20 == 10)
            {
                var before = Volatile.Read(ref ended);
                await Server.KillAsync();
                await Eventually.HoldsAsync(() => Volatile.Read(ref ended) > before, "the watch ends");
                await Server.StartAgainAsync();
            }

            await PutAsync(i);
        }

        await Eventually.HoldsAsync(() => told.Count == 60, "all entries are told");
        await end.CancelAsync();
        await watching;

        async Task PutAsync(int i)
        {
            // What was asked for when the connection went may be answered by nobody.
            await Eventually.HoldsAsync(
                async () =>
                {
                    try
                    {
                        return await Bucket.PutAsync($"k.{i}", [(byte)i], Ct) > 0;
                    }
                    catch (NatsException)
                    {
                        return false;
                    }
                },
                "it is stored");
        }

        async Task WatchAsync()
        {
            while (!end.IsCancellationRequested)
            {
                try
                {
                    await Bucket.WatchAsync(entry => told[entry.Key] = entry.Value![0], () => { }, end.Token);
                }
                catch (Exception fault) when (fault is NatsException or OperationCanceledException)
                {
                    // Again, as its users do.
                }
                finally
                {
                    Interlocked.Increment(ref ended);
                }
            }
        }
    }

    // As when the last entry expires in the moment in which a watch begins: with the one before it was told that one follows. The server delivers some two megabytes
    // of these, and the rest once it is answered; the answer is held.
    [Theory]
    [InlineData("$KV.OF_test.k.3")]
    [InlineData(">")]
    public async Task A_watch_is_loaded_though_the_last_of_what_was_there_goes_before_it_is_told(string going)
    {
        for (var i = 0; i < 4; i++)
        {
            await Bucket.PutAsync($"k.{i}", new byte[900_000], Ct);
        }

        await using var proxy = new NatsProxy(Server.Port);
        await using var link = await TestLink.StartAsync(proxy.Port);
        await link.Link.OpenAsync(Eventually.Patience, Ct);
        var held = proxy.Hold("$JS.FC.");
        var told = new ConcurrentQueue<string>();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(Ct);

        // Where all entries have but their bucket's age, the last one goes with all others.
        var shape = new BucketShape("OF_test", TimeSpan.Zero, StreamStorage.File, Replicas: 1) { HasOwnAges = going != ">" };
        var watching = new Bucket(link.Link, shape, Eventually.Patience, TimeProvider.System).WatchAsync(entry => told.Enqueue(entry.Key), () => told.Enqueue("loaded"), end.Token);
        await held.Reached.WaitAsync(Eventually.Patience, Ct);
        await Eventually.HoldsAsync(() => told.Count == 3, "all are told but the last");
        await Link.JetStream.PurgeStreamAsync("KV_OF_test", new StreamPurgeRequest { Filter = going }, Ct);
        held.Release();

        await Eventually.HoldsAsync(() => told.Contains("loaded"), "it is loaded");
        await Bucket.PutAsync("next", [1], Ct);
        await Eventually.HoldsAsync(() => told.Contains("next"), "what follows is told");
        Assert.Equal(["k.0", "k.1", "k.2", "loaded", "next"], told);
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => watching);
    }

    // Again and again, as its users do.
    private async Task WatchAsync(ConcurrentQueue<string> told, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            try
            {
                await Bucket.WatchAsync(
                    entry => told.Enqueue($"{entry.Key} {(entry.Value is { } value ? Encoding.ASCII.GetString(value) : "gone")}"), () => told.Enqueue("loaded"), end);
            }
            catch (Exception fault) when (fault is NatsException or OperationCanceledException)
            {
                // Begun again below.
            }

            // A bucket that is made while it is being deleted may be neither.
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, CancellationToken.None);
        }
    }
}
