using System.Buffers;
using System.Runtime.CompilerServices;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace NATS.Client.KeyValueStore;

/// <summary>Buckets: streams named <c>KV_bucket</c> with the subjects <c>$KV.bucket.key</c>.</summary>
public class NatsKVContext : INatsKVContext
{
    private const string StreamPrefix = "KV_";
    private const long MaxHistory = 64;

    private static readonly SearchValues<char> BucketChars = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

    public NatsKVContext(INatsJSContext context) => JetStreamContext = context;

    public INatsJSContext JetStreamContext { get; }

    public ValueTask<INatsKVStore> CreateStoreAsync(string bucket, CancellationToken cancellationToken = default) =>
        CreateStoreAsync(new NatsKVConfig(bucket), cancellationToken);

    public async ValueTask<INatsKVStore> CreateStoreAsync(NatsKVConfig config, CancellationToken cancellationToken = default) =>
        Store(config.Bucket, await JetStreamContext.CreateStreamAsync(StreamOf(config), cancellationToken).ConfigureAwait(false));

    public async ValueTask<INatsKVStore> UpdateStoreAsync(NatsKVConfig config, CancellationToken cancellationToken = default) =>
        Store(config.Bucket, await JetStreamContext.UpdateStreamAsync(StreamOf(config), cancellationToken).ConfigureAwait(false));

    public async ValueTask<INatsKVStore> CreateOrUpdateStoreAsync(NatsKVConfig config, CancellationToken cancellationToken = default) =>
        Store(config.Bucket, await JetStreamContext.CreateOrUpdateStreamAsync(StreamOf(config), cancellationToken).ConfigureAwait(false));

    public async ValueTask<INatsKVStore> GetStoreAsync(string bucket, CancellationToken cancellationToken = default)
    {
        var stream = await JetStreamContext.GetStreamAsync(StreamName(bucket), cancellationToken: cancellationToken).ConfigureAwait(false);
        return stream.Info.Config.MaxMsgsPerSubject < 1 ? throw new NatsKVException("Invalid KV store name") : Store(bucket, stream);
    }

    public ValueTask<bool> DeleteStoreAsync(string bucket, CancellationToken cancellationToken = default) =>
        JetStreamContext.DeleteStreamAsync(StreamName(bucket), cancellationToken);

    public async IAsyncEnumerable<string> GetBucketNamesAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var name in JetStreamContext.ListStreamNamesAsync(cancellationToken: cancellationToken).ConfigureAwait(false))
        {
            if (name.StartsWith(StreamPrefix, StringComparison.Ordinal))
                yield return name[StreamPrefix.Length..];
        }
    }

    public async IAsyncEnumerable<NatsKVStatus> GetStatusesAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var bucket in GetBucketNamesAsync(cancellationToken).ConfigureAwait(false))
        {
            var store = await GetStoreAsync(bucket, cancellationToken).ConfigureAwait(false);
            yield return await store.GetStatusAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private static string StreamName(string bucket) =>
        string.IsNullOrEmpty(bucket) || bucket.AsSpan().ContainsAnyExcept(BucketChars)
            ? throw new NatsKVException("Invalid bucket name")
            : StreamPrefix + bucket;

    private static StreamConfig StreamOf(NatsKVConfig config)
    {
        if (config.History > MaxHistory)
            throw new NatsKVException($"Too long history (max:{MaxHistory})");
        return new StreamConfig
        {
            Name = StreamName(config.Bucket),
            Description = config.Description,
            Subjects = [$"$KV.{config.Bucket}.>"],
            MaxMsgsPerSubject = Math.Max(config.History, 1),
            MaxBytes = config.MaxBytes,
            MaxAge = config.MaxAge,
            MaxMsgSize = config.MaxValueSize,
            Storage = config.Storage == NatsKVStorageType.Memory ? StreamConfigStorage.Memory : StreamConfigStorage.File,
            Compression = config.Compression ? StreamConfigCompression.S2 : StreamConfigCompression.None,
            NumReplicas = Math.Max(config.NumberOfReplicas, 1),
            Republish = config.Republish is { } republish
                ? new Republish { Src = republish.Src!, Dest = republish.Dest!, HeadersOnly = republish.HeadersOnly }
                : null,
            Placement = config.Placement,
            Discard = StreamConfigDiscard.New,
            AllowRollupHdrs = true,
            DenyDelete = true,
            AllowDirect = true,
        };
    }

    private NatsKVStore Store(string bucket, INatsJSStream stream) => new(bucket, (NatsJSContext)JetStreamContext, stream);
}
