using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.JetStream;
using NATS.Client.KeyValueStore;

namespace Connectors.Streams.Tests.Nats;

/// <summary>Entries that are to go before their bucket's age, where the server can do that; elsewhere they lie until then, and all else is the same.</summary>
public sealed class BucketAgesTests
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(700);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_entry_goes_when_its_own_time_is_over_and_those_without_one_stay()
    {
        await using var server = await NatsServer.StartAsync();
        await using var link = await TestLink.OpenAsync(server);
        var plain = await MakeAsync(link);
        await plain.PutAsync("before", "1", cancellationToken: Ct);
        var bucket = Open(link);

        await bucket.PutAsync("short", [1], Short, Ct);
        await bucket.PutAsync("whole", [1], TimeSpan.FromHours(24), Ct);
        var revision = await bucket.PutAsync("twice", [1], TimeSpan.FromHours(1), Ct);
        Assert.NotNull(await bucket.TryUpdateAsync("twice", [2], revision, Ct));

        if (!NatsServerVersion.HasMessageAges(link.Link.ServerVersion))
        {
            Assert.Equal(4, await CountAsync(link));
            return;
        }

        await Eventually.HoldsAsync(async () => await bucket.FindAsync("short", Ct) is null, "its time is over");
        Assert.Equal(3, await CountAsync(link));
        Assert.NotNull(await bucket.FindAsync("before", Ct));
        Assert.NotNull(await bucket.TryCreateAsync("short", [3], Ct));
    }

    [Fact]
    public async Task Where_the_bucket_may_not_be_changed_the_entry_is_written_without()
    {
        await using var server = await NatsServer.StartAsync("""
            authorization { default_permissions { publish { deny: ["$JS.API.STREAM.UPDATE.KV_OF_results"] } }, users [ { user: u, password: p } ] }
            no_auth_user: u
            """);
        await using var link = await TestLink.OpenAsync(server);
        await MakeAsync(link);
        var bucket = Open(link);

        await bucket.PutAsync("short", [1], Short, Ct);

        Assert.Equal(1, await CountAsync(link));
        Assert.Equal([1], (await bucket.FindAsync("short", Ct))!.Value);
    }

    [Fact]
    public async Task A_bucket_that_somebody_made_anew_takes_the_next_entry()
    {
        await using var server = await NatsServer.StartAsync();
        await using var link = await TestLink.OpenAsync(server);
        var bucket = Open(link);
        await bucket.PutAsync("first", [1], TimeSpan.FromHours(1), Ct);
        await link.Link.Buckets.DeleteStoreAsync(StreamNames.Results, Ct);
        await MakeAsync(link);

        await bucket.PutAsync("second", [2], TimeSpan.FromHours(1), Ct);
        await bucket.PutAsync("third", [3], Short, Ct);

        Assert.Equal([2], (await bucket.FindAsync("second", Ct))!.Value);
        if (NatsServerVersion.HasMessageAges(link.Link.ServerVersion))
        {
            await Eventually.HoldsAsync(async () => await bucket.FindAsync("third", Ct) is null, "its time is over");
        }
    }

    // As those made it that knew of no ages.
    private static async Task<INatsKVStore> MakeAsync(TestLink link) => await link.Link.Buckets.CreateStoreAsync(
        new NatsKVConfig(StreamNames.Results) { History = 1, MaxAge = BucketShape.MaxResultAge }, Ct);

    private static Bucket Open(TestLink link) => new(link.Link, BucketShape.Results(new StreamLimits()), Eventually.Patience, TimeProvider.System);

    private static async Task<long> CountAsync(TestLink link) => (await link.Link.JetStream.GetStreamAsync("KV_OF_results", cancellationToken: Ct)).Info.State.Messages;
}
