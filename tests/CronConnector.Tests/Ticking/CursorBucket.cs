using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.KeyValueStore;

namespace Connectors.Cron.Tests.Ticking;

/// <summary>The bucket of cursors, as an operator would look at it and write to it.</summary>
internal sealed class CursorBucket(NatsServer nats) : IAsyncDisposable
{
    private readonly NatsConnection _connection = new(new NatsOpts { Url = nats.Url });

    /// <summary>The one cursor in it, with its key.</summary>
    public async Task<(string Key, string Value)> OnlyAsync()
    {
        var bucket = await BucketAsync();
        var keys = new List<string>();
        await foreach (var key in bucket.GetKeysAsync())
        {
            keys.Add(key);
        }

        var only = Assert.Single(keys);
        return (only, (await bucket.GetEntryAsync<string>(only)).Value ?? "");
    }

    public async Task WriteAsync(string key, string value) => await (await BucketAsync()).PutAsync(key, value);

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private async Task<INatsKVStore> BucketAsync() => await new NatsKVContext(new NatsJSContext(_connection)).GetStoreAsync("OF_cron");
}
