using System.Collections.Concurrent;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.JetStream;
using NATS.Client.KeyValueStore;
using NATS.Net;

namespace Connectors.Gateway.Enqueueing;

/// <summary>Our key-value buckets in NATS: opened once, created if nobody did yet, with the durability of the streams.</summary>
internal sealed class Buckets(NatsLink link, QueueOptions options, TimeProvider time)
{
    private const int NoSuchStream = 10059;
    private const int NameInUse = 10058;

    private readonly ConcurrentDictionary<string, INatsKVStore> _open = new();

    /// <summary>The bucket; <see cref="NatsException"/> or a timeout if NATS is away for longer than <c>nats_publish_timeout</c>.</summary>
    public async Task<INatsKVStore> OpenAsync(string bucket, TimeSpan maxAge, CancellationToken ct)
    {
        if (_open.TryGetValue(bucket, out var open) && link.IsOpen)
        {
            return open;
        }

        using var limit = new CancellationTokenSource(options.PublishTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, limit.Token);
        await link.OpenAsync(either.Token);
        return _open[bucket] = open ?? await FindOrCreateAsync(link.JetStream.CreateKeyValueStoreContext(), bucket, maxAge, either.Token);
    }

    /// <summary>The bucket did not answer for its key: it may have been deleted, and is looked for again.</summary>
    public void Forget(string bucket) => _open.TryRemove(bucket, out _);

    private async Task<INatsKVStore> FindOrCreateAsync(INatsKVContext context, string bucket, TimeSpan maxAge, CancellationToken ct)
    {
        try
        {
            return await context.GetStoreAsync(bucket, ct);
        }
        catch (NatsJSApiException fault) when (fault.Error.ErrCode == NoSuchStream)
        {
            return await CreateAsync(context, bucket, maxAge, ct);
        }
    }

    private async Task<INatsKVStore> CreateAsync(INatsKVContext context, string bucket, TimeSpan maxAge, CancellationToken ct)
    {
        try
        {
            return await context.CreateStoreAsync(
                new NatsKVConfig(bucket)
                {
                    MaxAge = maxAge,
                    History = 1,
                    NumberOfReplicas = options.Limits.Replicas,
                    Storage = options.Limits.Storage == StreamStorage.File ? NatsKVStorageType.File : NatsKVStorageType.Memory,
                },
                ct);
        }
        catch (NatsJSApiException fault) when (fault.Error.ErrCode == NameInUse)
        {
            return await context.GetStoreAsync(bucket, ct);
        }
    }
}
