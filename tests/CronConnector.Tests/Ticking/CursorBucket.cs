using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.KeyValueStore;

namespace Connectors.Cron.Tests.Ticking;

/// <summary>The bucket of cursors, as an operator would look at it and write to it.</summary>
internal sealed class CursorBucket(NatsServer nats) : IAsyncDisposable
{
    private readonly NatsConnection _connection = new(new NatsOpts { Url = nats.Url });

    /// <summary>The one cursor in it, with its key; or the one of a function, if the schedules of others are there too.</summary>
    public async Task<(string Key, string Value)> OnlyAsync(string? function = null)
    {
        var bucket = await BucketAsync();
        var keys = new List<string>();
        await foreach (var key in bucket.GetKeysAsync())
        {
            keys.Add(key);
        }

        // One that is written meanwhile may be listed twice.
        var only = Assert.Single(keys.Distinct(), key => function is null || key.Contains($".{function}.", StringComparison.Ordinal));
        return (only, (await bucket.GetEntryAsync<string>(only)).Value ?? "");
    }

    public async Task WriteAsync(string key, string value) => await (await BucketAsync()).PutAsync(key, value);

    /// <summary>From now on the server refuses what is larger, of whatever is written to it; −1 for nothing.</summary>
    public async Task LimitAsync(int bytes)
    {
        var context = new NatsJSContext(_connection);
        var stream = await context.GetStreamAsync("KV_OF_cron");
        await context.UpdateStreamAsync(stream.Info.Config with { MaxMsgSize = bytes });
    }

    /// <summary>Deletes the bucket with all that is in it.</summary>
    public async Task DeleteAsync() => await new NatsKVContext(new NatsJSContext(_connection)).DeleteStoreAsync("OF_cron");

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private async Task<INatsKVStore> BucketAsync() => await new NatsKVContext(new NatsJSContext(_connection)).GetStoreAsync("OF_cron");
}
