using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using NATS.Client.KeyValueStore;

namespace Connectors.Streams.Tests.Nats;

public sealed class BucketTests : OwnServerTests
{
    private Bucket Bucket => field ??= Make(Eventually.Patience);

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
    public async Task Keys_and_how_far_it_is_are_told_without_a_consumer()
    {
        Assert.Equal(new BucketState(0, 0), await Bucket.StateAsync(Ct));
        Assert.Empty(await Bucket.KeysAsync(Ct));
        await Bucket.PutAsync("a.b", [1], Ct);
        var last = await Bucket.PutAsync("c", [2], Ct);
        await using var made = await Link.Connection.SubscribeCoreAsync<string>("$JS.API.CONSUMER.>", cancellationToken: Ct);
        await Link.Connection.PingAsync(Ct);

        Assert.Equal(["a.b", "c"], (await Bucket.KeysAsync(Ct)).Order());
        Assert.Equal(new BucketState(last, 2), await Bucket.StateAsync(Ct));
        await Bucket.DeleteAsync("c", Ct);
        Assert.Equal(new BucketState(last + 1, 2), await Bucket.StateAsync(Ct));

        await Link.Connection.PingAsync(Ct);
        Assert.False(made.Msgs.TryRead(out _));
    }

    [Fact]
    public async Task One_that_is_full_says_so_also_where_nothing_is_under_the_key()
    {
        await new NatsKVContext(Link.JetStream).CreateStoreAsync(new NatsKVConfig("OF_test") { History = 1, MaxBytes = 1 }, Ct);

        var refused = await Assert.ThrowsAsync<NatsJSApiException>(() => Bucket.TryCreateAsync("k", [1], Ct));

        Assert.Contains("maximum bytes", refused.Message, StringComparison.Ordinal);
    }

    // A mirror that answers direct gets beside its origin is what a server that lags is: here one that never comes to know the key.
    [Fact]
    public async Task That_there_is_nothing_under_a_key_is_not_believed_of_a_server_that_lags()
    {
        await Bucket.PutAsync("other", [0], Ct);
        await Link.JetStream.CreateStreamAsync(
            new StreamConfig { Name = "LAGS", Mirror = new StreamSource { Name = "KV_OF_test", FilterSubject = "$KV.OF_test.other" }, AllowDirect = true, MirrorDirect = true }, Ct);
        var put = await Bucket.PutAsync("k", [1], Ct);
        var store = await new NatsKVContext(Link.JetStream).GetStoreAsync("OF_test", Ct);
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

        Assert.Null(await Bucket.TryDeleteAsync("k", mine, Ct));
        Assert.Equal([2], (await Bucket.FindAsync("k", Ct))!.Value);
        Assert.Equal(theirs + 1, await Bucket.TryDeleteAsync("k", theirs, Ct));
        Assert.Null(await Bucket.FindAsync("k", Ct));
        Assert.NotNull(await Bucket.TryCreateAsync("k", [3], Ct));
    }

    [Fact]
    public async Task Where_there_is_nothing_to_delete_nothing_is_written()
    {
        var last = await Bucket.PutAsync("k", [1], Ct);

        Assert.Null(await Bucket.DeleteAsync("never", Ct));
        Assert.Equal(last + 1, await Bucket.DeleteAsync("k", Ct));
        Assert.Null(await Bucket.DeleteAsync("k", Ct));
        Assert.Equal(new BucketState(last + 1, 1), await Bucket.StateAsync(Ct));
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

        var raised = new Bucket(Link, new BucketShape("OF_test", TimeSpan.Zero, StreamStorage.File, 3), Eventually.Patience, TimeProvider.System);

        Assert.Equal([1], (await raised.FindAsync("k", Ct))!.Value);
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
            await new NatsKVContext(Link.JetStream).DeleteStoreAsync("OF_test", Ct);

            await use();

            Assert.NotEqual(before, await MadeAsync());
        }

        // Not by what is read of it: a busy server may go on reading from one that was deleted.
        async Task<DateTimeOffset> MadeAsync() => (await Link.JetStream.GetStreamAsync("KV_OF_test", cancellationToken: Ct)).Info.Created;
    }

    [Fact]
    public async Task One_that_was_made_otherwise_is_used_as_it_is()
    {
        await new NatsKVContext(Link.JetStream).CreateStoreAsync(new NatsKVConfig("OF_test") { History = 5, MaxAge = TimeSpan.FromDays(1) }, Ct);

        Assert.True(await Bucket.PutAsync("k", [1], Ct) > 0);
    }

    [Fact]
    public async Task Who_remembers_what_was_in_it_is_told_that_it_is_gone_and_that_the_next_is_another()
    {
        var bucket = new Bucket(Link, Shape, Eventually.Patience, TimeProvider.System) { IsMadeAgain = false };
        var made = await bucket.OpenAsync(Ct);
        await bucket.PutAsync("k", [1], Ct);
        Assert.Equal(made, await bucket.OpenAsync(Ct));
        Assert.NotNull(await bucket.FindAsync("k", Ct));

        await new NatsKVContext(Link.JetStream).DeleteStoreAsync("OF_test", Ct);

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

        await Server.KillAsync();

        await disconnected.WaitAsync(Eventually.Patience, Ct);
        Assert.False(Bucket.Disconnected.IsCompleted);
    }

    [Fact]
    public async Task What_does_not_answer_ends_as_an_exception()
    {
        await Bucket.PutAsync("k", [1], Ct);
        await Server.KillAsync();
        var impatient = Make(TimeSpan.FromMilliseconds(200));

        await Assert.ThrowsAnyAsync<NatsException>(() => impatient.PutAsync("k", [2], Ct));
        await Server.StartAgainAsync();
        await Bucket.PutAsync("k", [3], Ct);
    }

    private static BucketShape Shape => new("OF_test", TimeSpan.Zero, StreamStorage.File, Replicas: 1);

    private Bucket Make(TimeSpan patience) => new(Link, Shape, patience, TimeProvider.System);
}
