using System.Text.Json;
using Connectors.Gateway.Enqueueing;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.KeyValueStore;

namespace Connectors.Gateway.Queues;

/// <summary>The jobs in <c>OF_redrives</c>: each change is made by revision, so that of two gateways one wins (R15).</summary>
internal sealed class RedriveJobs(Buckets buckets)
{
    // How long a finished job can be looked at.
    private static readonly TimeSpan MaxAge = TimeSpan.FromDays(7);

    public async Task<StoredJob> CreateAsync(RedriveJob job, CancellationToken ct) =>
        new(job, await (await OpenAsync(ct)).CreateAsync(job.Id, Write(job), NatsRawSerializer<byte[]>.Default, ct));

    /// <summary>Null if there is none.</summary>
    public async Task<StoredJob?> FindAsync(string id, CancellationToken ct)
    {
        var found = await (await OpenAsync(ct)).TryGetEntryAsync(id, serializer: NatsRawSerializer<byte[]>.Default, cancellationToken: ct);
        if (found.Success)
        {
            return Read(found.Value.Value) is { } job ? new StoredJob(job, found.Value.Revision) : null;
        }

        return found.Error is NatsKVKeyNotFoundException or NatsKVKeyDeletedException ? null : throw found.Error;
    }

    /// <summary>Null if somebody changed it meanwhile.</summary>
    public async Task<StoredJob?> ChangeAsync(StoredJob old, RedriveJob job, CancellationToken ct)
    {
        var changed = await (await OpenAsync(ct)).TryUpdateAsync(job.Id, Write(job), old.Revision, NatsRawSerializer<byte[]>.Default, ct);
        if (changed.Success)
        {
            return new StoredJob(job, changed.Value);
        }

        return changed.Error is NatsKVWrongLastRevisionException ? null : throw changed.Error;
    }

    public async Task<IReadOnlyList<string>> ListAsync(CancellationToken ct)
    {
        var ids = new List<string>();
        await foreach (var id in (await OpenAsync(ct)).GetKeysAsync(cancellationToken: ct))
        {
            ids.Add(id);
        }

        return ids;
    }

    private Task<INatsKVStore> OpenAsync(CancellationToken ct) => buckets.OpenAsync(StreamNames.Redrives, MaxAge, ct);

    private static byte[] Write(RedriveJob job) => JsonSerializer.SerializeToUtf8Bytes(job, QueuesJson.Default.RedriveJob);

    private static RedriveJob? Read(byte[]? value)
    {
        try
        {
            return value is null ? null : JsonSerializer.Deserialize(value, QueuesJson.Default.RedriveJob);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>A job and the revision that it was read at.</summary>
internal sealed record StoredJob(RedriveJob Job, ulong Revision);
