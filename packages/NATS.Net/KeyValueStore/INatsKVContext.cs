using NATS.Client.JetStream;

namespace NATS.Client.KeyValueStore;

public interface INatsKVContext
{
    INatsJSContext JetStreamContext { get; }

    ValueTask<INatsKVStore> CreateStoreAsync(string bucket, CancellationToken cancellationToken = default);

    /// <summary>Creates the bucket; one with the same settings may exist.</summary>
    ValueTask<INatsKVStore> CreateStoreAsync(NatsKVConfig config, CancellationToken cancellationToken = default);

    ValueTask<INatsKVStore> GetStoreAsync(string bucket, CancellationToken cancellationToken = default);

    ValueTask<INatsKVStore> UpdateStoreAsync(NatsKVConfig config, CancellationToken cancellationToken = default);

    ValueTask<INatsKVStore> CreateOrUpdateStoreAsync(NatsKVConfig config, CancellationToken cancellationToken = default);

    ValueTask<bool> DeleteStoreAsync(string bucket, CancellationToken cancellationToken = default);

    IAsyncEnumerable<string> GetBucketNamesAsync(CancellationToken cancellationToken = default);

    IAsyncEnumerable<NatsKVStatus> GetStatusesAsync(CancellationToken cancellationToken = default);
}
