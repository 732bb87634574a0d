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

public sealed class BucketTests : IAsyncLifetime
{
    private const int Limit = 10_000;

    private NatsServer _server = null!;
    private TestLink _link = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private Bucket Bucket => field ??= Make(Eventually.Patience);

    public async ValueTask InitializeAsync()
    {
        _server = await NatsServer.StartAsync();
        _link = await TestLink.OpenAsync(_server);
    }

    public async ValueTask DisposeAsync()
    {
        await _link.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Values_are_put_found_changed_by_revision_and_deleted()
    {
        var first = await Bucket.TryCreateAsync("k", [1], Ct);
        Assert.Null(await Bucket.TryCreateAsync("k", [2], Ct));
        var second = await Bucket.TryUpdateAsync("k", [3], first!.Value, Ct);
        Assert.Null(await Bucket.TryUpdateAsync("k", [4], first.Value, Ct));
        var found = await Bucket.FindAsync("k", Ct);
        Assert.Equal(((byte)3, second!.Value), (found!.Value!.Single(), found.Revision));

        await Bucket.DeleteAsync("k", Ct);
        Assert.Null(await Bucket.FindAsync("k", Ct));
        Assert.Null(await Bucket.FindAsync("never", Ct));
        Assert.NotNull(await Bucket.TryCreateAsync("k", [5], Ct));
        await Bucket.PutAsync("l", [6], Ct);
        Assert.Equal(["k", "l"], (await Bucket.KeysAsync(Ct)).Order());
    }

    [Fact]
    public async Task One_that_is_full_says_so_also_where_nothing_is_under_the_key()
    {
        await new NatsKVContext(_link.Link.JetStream).CreateStoreAsync(new NatsKVConfig("OF_test") { History = 1, MaxBytes = 1 }, Ct);

        var refused = await Assert.ThrowsAsync<NatsJSApiException>(() => Bucket.TryCreateAsync("k", [1], Ct));

        Assert.Contains("maximum bytes", refused.Message, StringComparison.Ordinal);
    }

    // A mirror that answers direct gets beside its origin is what a server that lags is: here one that never comes to know the key.
    [Fact]
    public async Task That_there_is_nothing_under_a_key_is_not_believed_of_a_server_that_lags()
    {
        await Bucket.PutAsync("other", [0], Ct);
        await _link.Link.JetStream.CreateStreamAsync(
            new StreamConfig { Name = "LAGS", Mirror = new StreamSource { Name = "KV_OF_test", FilterSubject = "$KV.OF_test.other" }, AllowDirect = true, MirrorDirect = true }, Ct);
        var put = await Bucket.PutAsync("k", [1], Ct);
        var store = await new NatsKVContext(_link.Link.JetStream).GetStoreAsync("OF_test", Ct);
        await Eventually.HoldsAsync(async () => !(await store.TryGetEntryAsync<byte[]>("k", cancellationToken: Ct)).Success, "the mirror answers some");

        for (var i = 0; i < 30; i++)
        {
            Assert.Equal(put, (await Bucket.FindAsync("k", Ct))?.Revision);
        }

        await Bucket.DeleteAsync("k", Ct);
        Assert.Null(await Bucket.FindAsync("k", Ct));
    }

    [Fact]
    public async Task A_key_is_deleted_by_the_revision_that_its_writer_knows()
    {
        var mine = await Bucket.PutAsync("k", [1], Ct);
        var theirs = await Bucket.PutAsync("k", [2], Ct);

        Assert.False(await Bucket.TryDeleteAsync("k", mine, Ct));
        Assert.Equal([2], (await Bucket.FindAsync("k", Ct))!.Value);
        Assert.True(await Bucket.TryDeleteAsync("k", theirs, Ct));
        Assert.Null(await Bucket.FindAsync("k", Ct));
        Assert.NotNull(await Bucket.TryCreateAsync("k", [3], Ct));
    }

    // A server alone takes no bucket onto three; a cluster does, with what is in it.
    [Fact]
    public async Task One_that_is_there_is_brought_onto_more_servers_when_the_option_rises_and_never_onto_fewer()
    {
        await using var cluster = await NatsCluster.StartAsync(TestLink.TryReplicasAsync);
        await using var link = await TestLink.OpenAsync(cluster.Servers[0]);
        Bucket Of(int replicas) => new(link.Link, new BucketShape("OF_raised", TimeSpan.FromHours(1), StreamStorage.File, replicas), Eventually.Patience, TimeProvider.System);
        async Task<int> ReplicasAsync() => (await link.Link.JetStream.GetStreamAsync("KV_OF_raised", cancellationToken: Ct)).Info.Config.NumReplicas;
        await Eventually.HoldsAsync(async () => await Of(1).PutAsync("k", [1], Ct) > 0, "the cluster takes it", TimeSpan.FromMinutes(2));

        await Eventually.HoldsAsync(async () => await Of(3).FindAsync("k", Ct) is { Value: [1] } && await ReplicasAsync() == 3, "it is brought onto three", TimeSpan.FromMinutes(2));
        Assert.Equal([1], (await Of(1).FindAsync("k", Ct))!.Value);
        Assert.Equal(3, await ReplicasAsync());
    }

    [Fact]
    public async Task One_that_cannot_be_brought_onto_more_servers_is_used_as_it_is()
    {
        await Bucket.PutAsync("k", [1], Ct);

        var raised = new Bucket(_link.Link, new BucketShape("OF_test", TimeSpan.Zero, StreamStorage.File, 3), Eventually.Patience, TimeProvider.System);

        Assert.Equal([1], (await raised.FindAsync("k", Ct))!.Value);
    }

    [Theory]
    [InlineData(0, Limit)]
    [InlineData(7, 7)]
    [InlineData(10 * Limit, 10 * Limit)]
    public async Task One_without_a_limit_is_brought_to_it_when_it_is_opened_and_an_operators_is_kept(long found, long bounded)
    {
        await new NatsKVContext(_link.Link.JetStream).CreateStoreAsync(new NatsKVConfig(Bounded.Name) { History = 1, MaxBytes = found }, Ct);

        await OpenBounded().OpenAsync(Ct);
        await OpenBounded().OpenAsync(Ct);

        Assert.Equal(bounded, await LimitAsync());
    }

    // Servers such as 2.10.0 would delete the oldest down to the limit.
    [Fact]
    public async Task One_that_holds_more_than_the_limit_loses_nothing_and_gets_it_once_there_is_less()
    {
        await new NatsKVContext(_link.Link.JetStream).CreateStoreAsync(new NatsKVConfig(Bounded.Name) { History = 1 }, Ct);
        var store = await new NatsKVContext(_link.Link.JetStream).GetStoreAsync(Bounded.Name, Ct);
        await store.PutAsync("first", new byte[Limit / 2], NatsRawSerializer<byte[]>.Default, Ct);
        await store.PutAsync("second", new byte[Limit], NatsRawSerializer<byte[]>.Default, Ct);

        Assert.NotNull(await OpenBounded().FindAsync("first", Ct));
        Assert.Equal(-1, await LimitAsync());
        await store.PurgeAsync("second", cancellationToken: Ct);

        Assert.NotNull(await OpenBounded().FindAsync("first", Ct));
        Assert.Equal(Limit, await LimitAsync());
    }

    [Fact]
    public async Task One_that_is_made_with_a_limit_takes_no_more_than_that_and_keeps_what_it_has()
    {
        var bucket = OpenBounded();
        var most = 0;
        var refused = await Assert.ThrowsAsync<NatsJSApiException>(async () =>
        {
            for (; most < 1000; most++)
            {
                await bucket.PutAsync($"k.{most}", new byte[100], Ct);
            }
        });

        Assert.Contains("maximum bytes", refused.Message, StringComparison.Ordinal);
        Assert.InRange(most, 1, Limit / 100);
        Assert.Equal(most, (await bucket.KeysAsync(Ct)).Count);

        // What is there may still be written anew.
        Assert.True(await bucket.PutAsync("k.0", new byte[10], Ct) > 0);
    }

    [Fact]
    public async Task Where_there_is_no_room_for_a_limit_to_be_set_aside_one_is_made_without()
    {
        var large = new Bucket(_link.Link, Bounded with { MaxBytes = 1L << 60 }, Eventually.Patience, TimeProvider.System);

        Assert.True(await large.PutAsync("k", [1], Ct) > 0);
        Assert.Equal(-1, await LimitAsync());
    }

    [Fact]
    public async Task One_that_somebody_deleted_is_made_again_by_whatever_comes_first()
    {
        foreach (var use in new Func<Task>[]
        {
            () => Bucket.PutAsync("k", [1], Ct),
            () => Bucket.FindAsync("k", Ct),
            () => Bucket.TryCreateAsync("k", [1], Ct),
            () => Bucket.TryUpdateAsync("k", [1], 7, Ct),
            () => Bucket.DeleteAsync("k", Ct),
            () => Bucket.KeysAsync(Ct),
        })
        {
            await Bucket.PutAsync("other", [0], Ct);
            var before = await MadeAsync();
            await new NatsKVContext(_link.Link.JetStream).DeleteStoreAsync("OF_test", Ct);

            await use();

            Assert.NotEqual(before, await MadeAsync());
        }

        // Not by what is read of it: a busy server may go on reading from one that was deleted.
        async Task<DateTimeOffset> MadeAsync() => (await _link.Link.JetStream.GetStreamAsync("KV_OF_test", cancellationToken: Ct)).Info.Created;
    }

    [Fact]
    public async Task One_that_was_made_otherwise_is_used_as_it_is()
    {
        await new NatsKVContext(_link.Link.JetStream).CreateStoreAsync(new NatsKVConfig("OF_test") { History = 5, MaxAge = TimeSpan.FromDays(1) }, Ct);

        Assert.True(await Bucket.PutAsync("k", [1], Ct) > 0);
    }

    [Fact]
    public async Task Who_remembers_what_was_in_it_is_told_that_it_is_gone_and_that_the_next_is_another()
    {
        var bucket = new Bucket(_link.Link, Shape, Eventually.Patience, TimeProvider.System) { IsMadeAgain = false };
        var made = await bucket.OpenAsync(Ct);
        await bucket.PutAsync("k", [1], Ct);
        Assert.Equal(made, await bucket.OpenAsync(Ct));
        Assert.NotNull(await bucket.FindAsync("k", Ct));

        await new NatsKVContext(_link.Link.JetStream).DeleteStoreAsync("OF_test", Ct);

        await Assert.ThrowsAnyAsync<NatsException>(() => bucket.TryUpdateAsync("k", [2], 1, Ct));
        Assert.NotEqual(made, await bucket.OpenAsync(Ct));
        await Eventually.HoldsAsync(async () => await bucket.FindAsync("k", Ct) is null, "it is empty");
    }

    [Fact]
    public async Task A_lost_connection_is_told()
    {
        var disconnected = Bucket.Disconnected;
        await Bucket.PutAsync("k", [1], Ct);
        Assert.False(disconnected.IsCompleted);

        await _server.KillAsync();

        await disconnected.WaitAsync(Eventually.Patience, Ct);
        Assert.False(Bucket.Disconnected.IsCompleted);
    }

    [Fact]
    public async Task What_does_not_answer_ends_as_an_exception()
    {
        await Bucket.PutAsync("k", [1], Ct);
        await _server.KillAsync();
        var impatient = Make(TimeSpan.FromMilliseconds(200));

        await Assert.ThrowsAnyAsync<NatsException>(() => impatient.PutAsync("k", [2], Ct));
        await _server.StartAgainAsync();
        await Bucket.PutAsync("k", [3], Ct);
    }

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

        await new NatsKVContext(_link.Link.JetStream).DeleteStoreAsync("OF_test", Ct);
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

        await new NatsKVContext(_link.Link.JetStream).DeleteStoreAsync("OF_test", Ct);
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
        await new NatsKVContext(_link.Link.JetStream).DeleteStoreAsync("OF_test", Ct);

        await WatchAsync();

        Assert.NotNull(await new NatsKVContext(_link.Link.JetStream).GetStoreAsync("OF_test", Ct));

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
                await _server.KillAsync();
                await Eventually.HoldsAsync(() => Volatile.Read(ref ended) > before, "the watch ends");
                await _server.StartAgainAsync();
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

    private Bucket OpenBounded() => new(_link.Link, Bounded, Eventually.Patience, TimeProvider.System);

    private async Task<long> LimitAsync() => (await _link.Link.JetStream.GetStreamAsync($"KV_{Bounded.Name}", cancellationToken: Ct)).Info.Config.MaxBytes;

    private static BucketShape Bounded => Shape with { Name = "OF_bounded", MaxBytes = Limit };

    private static BucketShape Shape => new("OF_test", TimeSpan.Zero, StreamStorage.File, Replicas: 1);

    private Bucket Make(TimeSpan patience) => new(_link.Link, Shape, patience, TimeProvider.System);
}
