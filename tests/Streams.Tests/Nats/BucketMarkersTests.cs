using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream.Models;
using NATS.Client.KeyValueStore;

namespace Connectors.Streams.Tests.Nats;

/// <summary>
/// What is left of deleted entries where entries have no age: it goes by itself where the server knows of ages of single messages, and by a sweep elsewhere, and of
/// what those left who knew of neither.
/// </summary>
public sealed class BucketMarkersTests : OwnServerTests
{
    private const string Name = "OF_test";

    private static readonly BucketShape Shape =
        new(Name, TimeSpan.Zero, StreamStorage.File, Replicas: 1) { HasOwnAges = true, MarkerAge = TimeSpan.FromSeconds(1) };

    private Bucket Bucket => field ??= Open(Link);

    [Fact]
    public async Task A_deletion_is_heard_of_and_leaves_nothing_once_its_time_is_over()
    {
        await Bucket.PutAsync("a", [1], Ct);
        var b = await Bucket.PutAsync("b", [1], Ct);
        await Bucket.DeleteAsync("a", Ct);
        Assert.NotNull(await Bucket.TryDeleteAsync("b", b, Ct));
        var stays = await Bucket.PutAsync("stays", [1], Ct);
        Assert.Null(await Bucket.FindAsync("a", Ct));

        await LeavesAsync("stays");

        Assert.Equal(stays, (await Bucket.StateAsync(Ct)).LastRevision);
        Assert.Equal(stays + 1, await Bucket.TryCreateAsync("a", [2], Ct));
        Assert.Null(await Bucket.TryUpdateAsync("b", [2], b + 2, Ct));
        Assert.Equal(stays + 2, await Bucket.PutAsync("b", [2], Ct));
    }

    // As those made it that knew of no ages; what was older of the key is not its value again.
    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public async Task What_others_left_is_swept_with_all_that_is_older_of_its_key(int history)
    {
        var store = await new NatsKVContext(Link.JetStream).CreateStoreAsync(new NatsKVConfig(Name) { History = history }, Ct);
        for (var i = 0; i < 3; i++)
        {
            await store.PutAsync("a", new[] { (byte)i }, NatsRawSerializer<byte[]>.Default, Ct);
            await store.PutAsync("b", new[] { (byte)i }, NatsRawSerializer<byte[]>.Default, Ct);
        }

        await store.DeleteAsync("a", cancellationToken: Ct);
        await Bucket.DeleteAsync("b", Ct);
        await store.PutAsync("stays", "1", cancellationToken: Ct);

        await LeavesAsync("stays");

        Assert.Null(await Bucket.FindAsync("a", Ct));
        Assert.Null(await Bucket.FindAsync("b", Ct));
        Assert.Equal(1, (await Link.JetStream.GetStreamAsync($"KV_{Name}", cancellationToken: Ct)).Info.State.Messages);
        Assert.Equal(0, await Bucket.SweepAsync(Ct));
    }

    // Whoever begins to watch meanwhile waits for the last of what there is.
    [Fact]
    public async Task The_last_of_all_stays_until_something_follows_it()
    {
        var store = await new NatsKVContext(Link.JetStream).CreateStoreAsync(new NatsKVConfig(Name) { History = 1 }, Ct);
        await store.DeleteAsync("a", cancellationToken: Ct);
        await store.DeleteAsync("b", cancellationToken: Ct);
        await LeavesAsync("b");

        await store.DeleteAsync("c", cancellationToken: Ct);
        await LeavesAsync("c");
    }

    [Fact]
    public async Task What_is_written_in_the_moment_of_a_sweep_stays()
    {
        var store = await new NatsKVContext(Link.JetStream).CreateStoreAsync(new NatsKVConfig(Name) { History = 1 }, Ct);
        await store.DeleteAsync("a", cancellationToken: Ct);
        await store.PutAsync("stays", "1", cancellationToken: Ct);
        await using var proxy = new NatsProxy(Server.Port);
        await using var link = await TestLink.StartAsync(proxy.Port);
        await link.Link.OpenAsync(Eventually.Patience, Ct);
        var held = proxy.Hold($"$JS.API.STREAM.PURGE.KV_{Name}");
        var sweeping = SweepAsync(Open(link.Link));
        await held.Reached.WaitAsync(Eventually.Patience, Ct);

        var written = await Bucket.TryCreateAsync("a", [1], Ct);
        held.Release();

        Assert.Equal(1, await sweeping);
        Assert.NotNull(written);
        Assert.Equal(written, (await Bucket.FindAsync("a", Ct))?.Revision);
    }

    // The client makes a key that was deleted in two steps.
    [Fact]
    public async Task A_key_is_made_though_what_was_left_of_it_goes_while_it_is_looked_at()
    {
        await Bucket.PutAsync("other", [1], Ct);
        var store = await new NatsKVContext(Link.JetStream).GetStoreAsync(Name, Ct);
        await store.DeleteAsync("a", cancellationToken: Ct);
        await using var proxy = new NatsProxy(Server.Port);
        await using var link = await TestLink.StartAsync(proxy.Port);
        await link.Link.OpenAsync(Eventually.Patience, Ct);
        var held = proxy.Hold("Nats-Expected-Last-Subject-Sequence", passing: 1);
        var making = Open(link.Link).TryCreateAsync("a", [1], Ct);
        await held.Reached.WaitAsync(Eventually.Patience, Ct);

        await Link.JetStream.PurgeStreamAsync($"KV_{Name}", new StreamPurgeRequest { Filter = $"$KV.{Name}.a" }, Ct);
        held.Release();

        Assert.NotNull(await making);
        Assert.Equal([1], (await Bucket.FindAsync("a", Ct))?.Value);
    }

    // Pauses last until somebody ends them, and so would what is left of them.
    [Fact]
    public async Task Deleted_pauses_have_an_age_where_the_server_knows_of_such()
    {
        var bucket = new Bucket(Link, BucketShape.Paused(new StreamLimits()), Eventually.Patience, TimeProvider.System);
        var put = await bucket.PutAsync("paused.q", [1], Ct);
        var deleted = await bucket.DeleteAsync("paused.q", Ct);

        var stream = await Link.JetStream.GetStreamAsync(StreamNames.BucketStream(StreamNames.Paused), cancellationToken: Ct);
        var left = await stream.GetDirectAsync(new StreamMsgGetRequest { LastBySubj = StreamNames.BucketSubject(StreamNames.Paused, "paused.q") }, NatsRawSerializer<byte[]>.Default, Ct);
        Assert.Equal(put + 1, deleted);
        Assert.Equal(NatsServerVersion.HasMessageAges(Link.ServerVersion) ? "86400s" : "", left.Headers?["Nats-TTL"].ToString());
    }

    private static Bucket Open(NatsLink link) => new(link, Shape, Eventually.Patience, TimeProvider.System);

    // Once there is something that is old enough.
    private static async Task<int> SweepAsync(Bucket bucket)
    {
        var swept = 0;
        await Eventually.HoldsAsync(async () => (swept = await bucket.SweepAsync(Ct)) > 0, "something is swept");
        return swept;
    }

    private Task LeavesAsync(params string[] keys) => Eventually.HoldsAsync(
        async () =>
        {
            await Bucket.SweepAsync(Ct);
            return (await Bucket.KeysAsync(Ct)).Order().SequenceEqual(keys);
        },
        $"it leaves {string.Join(", ", keys)}");
}
