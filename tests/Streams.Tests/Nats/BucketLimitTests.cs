using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.KeyValueStore;

namespace Connectors.Streams.Tests.Nats;

/// <summary>Buckets that take no more than so many bytes, and those that are there with another limit or with none.</summary>
public sealed class BucketLimitTests : OwnServerTests
{
    private const int Limit = 10_000;


    [Theory]
    [InlineData(0, Limit)]
    [InlineData(7, 7)]
    [InlineData(10 * Limit, 10 * Limit)]
    public async Task One_without_a_limit_is_brought_to_it_when_it_is_opened_and_an_operators_is_kept(long found, long bounded)
    {
        await new NatsKVContext(Link.JetStream).CreateStoreAsync(new NatsKVConfig(Bounded.Name) { History = 1, MaxBytes = found }, Ct);

        await OpenBounded().OpenAsync(Ct);
        await OpenBounded().OpenAsync(Ct);

        Assert.Equal(bounded, await LimitAsync());
    }

    // Servers such as 2.10.0 would delete the oldest down to the limit.
    [Fact]
    public async Task One_that_holds_more_than_the_limit_loses_nothing_and_gets_it_once_there_is_less()
    {
        await new NatsKVContext(Link.JetStream).CreateStoreAsync(new NatsKVConfig(Bounded.Name) { History = 1 }, Ct);
        var store = await new NatsKVContext(Link.JetStream).GetStoreAsync(Bounded.Name, Ct);
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

    // What takes the place of a value in a full one may be no larger, as the usual marker is, which says for how long it lies and what goes with it.
    [Theory]
    [InlineData(60, false)]
    [InlineData(100, true)]
    public async Task A_short_value_of_a_full_one_can_be_deleted_and_what_is_left_of_it_is_swept(int length, bool isByRevision)
    {
        var bucket = new Bucket(Link, Bounded with { HasOwnAges = true, MarkerAge = TimeSpan.FromSeconds(1) }, Eventually.Patience, TimeProvider.System);
        var revision = await bucket.PutAsync("short", new byte[length], Ct);
        await FillAsync(bucket, 100);
        await FillAsync(bucket, 1);

        Assert.NotNull(isByRevision ? await bucket.TryDeleteAsync("short", revision, Ct) : await bucket.DeleteAsync("short", Ct));
        Assert.Null(await bucket.FindAsync("short", Ct));

        // The last of all stays.
        await bucket.PutAsync("100.0", new byte[10], Ct);
        await Eventually.HoldsAsync(
            async () =>
            {
                await bucket.SweepAsync(Ct);
                return !(await bucket.KeysAsync(Ct)).Contains("short");
            },
            "what is left of it is swept");
    }

    [Fact]
    public async Task Where_there_is_no_room_for_a_limit_to_be_set_aside_one_is_made_without()
    {
        var large = new Bucket(Link, Bounded with { MaxBytes = 1L << 60 }, Eventually.Patience, TimeProvider.System);

        Assert.True(await large.PutAsync("k", [1], Ct) > 0);
        Assert.Equal(-1, await LimitAsync());
    }

    private static async Task FillAsync(Bucket bucket, int size)
    {
        var refused = await Assert.ThrowsAsync<NatsJSApiException>(async () =>
        {
            for (var i = 0; i < 1000; i++)
            {
                await bucket.PutAsync($"{size}.{i}", new byte[size], Ct);
            }
        });
        Assert.Contains("maximum bytes", refused.Message, StringComparison.Ordinal);
    }

    private Bucket OpenBounded() => new(Link, Bounded, Eventually.Patience, TimeProvider.System);

    private async Task<long> LimitAsync() => (await Link.JetStream.GetStreamAsync($"KV_{Bounded.Name}", cancellationToken: Ct)).Info.Config.MaxBytes;

    private static BucketShape Bounded => new("OF_bounded", TimeSpan.Zero, StreamStorage.File, Replicas: 1) { MaxBytes = Limit };
}
