using System.Collections.Concurrent;
using System.Text;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
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
                await watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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
