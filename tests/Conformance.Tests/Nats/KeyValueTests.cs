using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.KeyValueStore;
using NATS.Net;

namespace Connectors.Conformance.Tests.Nats;

public sealed class KeyValueTests : IAsyncLifetime
{
    private NatsServer _server = null!;
    private NatsConnection _nats = null!;
    private INatsKVContext _kv = null!;
    private INatsKVStore _store = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await NatsServer.StartAsync();
        _nats = new NatsConnection(JetStreamFixture.Patient(_server));
        _kv = _nats.CreateKeyValueStoreContext();
        _store = await _kv.CreateStoreAsync(new NatsKVConfig("OF_test") { History = 5 });
    }

    public async ValueTask DisposeAsync()
    {
        await _nats.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_value_is_read_as_it_was_put()
    {
        var revision = await _store.PutAsync("a.b", "1");

        var entry = await _store.GetEntryAsync<string>("a.b");

        Assert.Equal(("OF_test", "a.b", "1", revision, NatsKVOperation.Put), (entry.Bucket, entry.Key, entry.Value, entry.Revision, entry.Operation));
        Assert.True(entry.Created > DateTimeOffset.UnixEpoch);
    }

    [Fact]
    public async Task A_missing_key_is_not_found_with_or_without_an_exception()
    {
        await Assert.ThrowsAsync<NatsKVKeyNotFoundException>(async () => await _store.GetEntryAsync<string>("none"));
        var result = await _store.TryGetEntryAsync<string>("none");

        Assert.False(result.Success);
        Assert.IsType<NatsKVKeyNotFoundException>(result.Error);
    }

    [Fact]
    public async Task Only_one_of_many_can_create_a_key()
    {
        var created = await Task.WhenAll(Enumerable.Range(0, 20).Select(async i => await _store.TryCreateAsync("a", i)));

        var winner = Assert.Single(created, result => result.Success);
        Assert.All(created.Where(result => !result.Success), result => Assert.IsType<NatsKVCreateException>(result.Error));
        Assert.Equal(winner.Value, (await _store.GetEntryAsync<int>("a")).Revision);
        await Assert.ThrowsAsync<NatsKVCreateException>(async () => await _store.CreateAsync("a", 1));
    }

    [Fact]
    public async Task A_deleted_key_can_be_created_anew()
    {
        await _store.CreateAsync("a", "1");
        await _store.DeleteAsync("a");

        var deleted = await Assert.ThrowsAsync<NatsKVKeyDeletedException>(async () => await _store.GetEntryAsync<string>("a"));
        var revision = await _store.CreateAsync("a", "2");

        Assert.True(revision > deleted.Revision);
        Assert.Equal("2", (await _store.GetEntryAsync<string>("a")).Value);
    }

    [Fact]
    public async Task An_update_needs_the_last_revision()
    {
        var first = await _store.CreateAsync("a", "1");
        var second = await _store.UpdateAsync("a", "2", first);

        await Assert.ThrowsAsync<NatsKVWrongLastRevisionException>(async () => await _store.UpdateAsync("a", "3", first));
        await Assert.ThrowsAsync<NatsKVWrongLastRevisionException>(async () => await _store.DeleteAsync("a", new NatsKVDeleteOpts { Revision = first }));
        await _store.DeleteAsync("a", new NatsKVDeleteOpts { Revision = second });
    }

    [Fact]
    public async Task Keys_are_listed_without_the_deleted_ones()
    {
        await _store.PutAsync("a.1", "x");
        await _store.PutAsync("a.2", "x");
        await _store.PutAsync("b.1", "x");
        await _store.DeleteAsync("a.2");

        Assert.Equal(["a.1", "b.1"], await _store.GetKeysAsync().OrderBy(key => key).ToListAsync());
        Assert.Equal(["a.1"], await _store.GetKeysAsync(["a.*"]).ToListAsync());
    }

    [Fact]
    public async Task Keys_of_an_empty_bucket_are_no_keys() => Assert.Empty(await _store.GetKeysAsync().ToListAsync());

    [Fact]
    public async Task A_watch_tells_what_is_there_then_what_comes()
    {
        await _store.PutAsync("a", "1");
        await _store.PutAsync("a", "2");
        await _store.PutAsync("b", "3");
        var told = new List<string>();
        var opts = new NatsKVWatchOpts
        {
            OnNoData = _ =>
            {
                told.Add("nothing");
                return ValueTask.FromResult(false);
            },
        };

        await foreach (var entry in _store.WatchAsync<string>(opts: opts))
        {
            told.Add($"{entry.Key}={entry.Value}{entry.Operation}{(entry.Delta == 0 ? "." : "")}");
            if (entry is { Key: "b", Operation: NatsKVOperation.Put })
            {
                await _store.DeleteAsync("b");
                await _store.PutAsync("c", "4");
            }
            else if (entry.Key == "c")
            {
                break;
            }
        }

        Assert.Equal(["a=2Put", "b=3Put.", "b=Del", "c=4Put"], told.Take(2).Concat(told.Skip(2).Select(t => t.TrimEnd('.'))));
    }

    [Fact]
    public async Task A_watch_of_an_empty_bucket_says_that_there_is_nothing_and_then_tells_what_comes()
    {
        var said = 0;
        var opts = new NatsKVWatchOpts
        {
            OnNoData = async token =>
            {
                said++;
                await _store.PutAsync("c", "4", cancellationToken: token);
                return false;
            },
        };

        await using var entries = _store.WatchAsync<string>(opts: opts).GetAsyncEnumerator();
        Assert.True(await entries.MoveNextAsync());

        Assert.Equal(("c", "4", 1), (entries.Current.Key, entries.Current.Value, said));
    }

    [Fact]
    public async Task Buckets_can_be_listed_changed_and_deleted()
    {
        await _kv.CreateOrUpdateStoreAsync(new NatsKVConfig("other") { Description = "d", MaxAge = TimeSpan.FromDays(7), Storage = NatsKVStorageType.Memory });
        var changed = await _kv.CreateOrUpdateStoreAsync(new NatsKVConfig("other") { Description = "e", MaxAge = TimeSpan.FromDays(7), Storage = NatsKVStorageType.Memory });

        var status = await changed.GetStatusAsync();
        Assert.Equal("e", status.Info.Config.Description);
        Assert.Equal(TimeSpan.FromDays(7), status.Info.Config.MaxAge);
        Assert.Equal(["OF_test", "other"], await _kv.GetBucketNamesAsync().OrderBy(name => name).ToListAsync());

        Assert.True(await _kv.DeleteStoreAsync("other"));
        var gone = await Assert.ThrowsAsync<NatsJSApiException>(async () => await _kv.GetStoreAsync("other"));
        Assert.Equal(404, gone.Error.Code);
    }
}
