using System.Text.Json;
using Connectors.Gateway.Enqueueing;
using Connectors.Streams.Nats;
using NATS.Client.Core;

namespace Connectors.Gateway.Queues;

/// <summary>The jobs in <c>OF_redrives</c>: each change is made by revision, so that of two gateways one wins (R15).</summary>
internal sealed class RedriveJobs(NatsLink link, QueueOptions options, TimeProvider time)
{
    private readonly Bucket _bucket = new(link, BucketShape.Redrives(options.Limits), options.PublishTimeout, time);

    public async Task<StoredJob> CreateAsync(RedriveJob job, CancellationToken ct) =>
        new(job, await _bucket.TryCreateAsync(job.Id, Write(job), ct) ?? throw new NatsException($"There is a redrive {job.Id} already"));

    /// <summary>Null if there is none.</summary>
    public async Task<StoredJob?> FindAsync(string id, CancellationToken ct) =>
        await _bucket.FindAsync(id, ct) is { } found && Read(found.Value) is { } job ? new StoredJob(job, found.Revision) : null;

    /// <summary>Null if somebody changed it meanwhile.</summary>
    public async Task<StoredJob?> ChangeAsync(StoredJob old, RedriveJob job, CancellationToken ct) =>
        await _bucket.TryUpdateAsync(job.Id, Write(job), old.Revision, ct) is { } revision ? new StoredJob(job, revision) : null;

    public Task<IReadOnlyList<string>> ListAsync(CancellationToken ct) => _bucket.KeysAsync(ct);

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
