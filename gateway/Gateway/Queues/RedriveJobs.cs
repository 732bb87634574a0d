using System.Text.Json;
using System.Text.Json.Serialization;
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
    public async Task<StoredJob?> FindAsync(string id, CancellationToken ct)
    {
        try
        {
            return await ReadAsync(id, ct);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Null if there is nothing of that id; throws <see cref="JsonException"/> for what is no job.</summary>
    public async Task<StoredJob?> ReadAsync(string id, CancellationToken ct) => await _bucket.FindAsync(id, ct) is { Value: { } value } found
        ? new StoredJob(JsonSerializer.Deserialize(value, QueuesJson.Default.RedriveJob) ?? throw new JsonException("null"), found.Revision)
        : null;

    /// <summary>Null if somebody changed it meanwhile.</summary>
    public async Task<StoredJob?> ChangeAsync(StoredJob old, RedriveJob job, CancellationToken ct) =>
        await _bucket.TryUpdateAsync(job.Id, Write(job), old.Revision, ct) is { } revision ? new StoredJob(job, revision) : null;

    /// <summary>The ids of all, those of deleted ones among them.</summary>
    public Task<IReadOnlyList<string>> ListAsync(CancellationToken ct) => _bucket.KeysAsync(ct);

    /// <summary>The jobs of a queue, the latest first; what lies there and is no job that could be asked for by its id is left out.</summary>
    public async Task<IReadOnlyList<RedriveJob>> ListAsync(string queue, CancellationToken ct)
    {
        var found = new List<RedriveJob>();
        foreach (var id in (await ListAsync(ct)).Where(id => Guid.TryParseExact(id, "N", out _)))
        {
            if (await FindAsync(id, ct) is { } stored && stored.Job.Queue == queue)
            {
                found.Add(stored.Job);
            }
        }

        return [.. found.OrderByDescending(job => job.StartedAt)];
    }

    private static byte[] Write(RedriveJob job) => JsonSerializer.SerializeToUtf8Bytes(job, QueuesJson.Default.RedriveJob);
}

/// <summary>A job and the revision that it was read at.</summary>
internal sealed record StoredJob(RedriveJob Job, ulong Revision)
{
    /// <summary>With another position, not stored yet.</summary>
    public StoredJob At(ulong position) => this with { Job = Job with { Position = position } };
}

/// <summary>A redrive of many letters, as it lies in <c>OF_redrives</c> and as it is shown.</summary>
internal sealed record RedriveJob
{
    public const double MinRate = 0.001;
    public const double MaxRate = 1_000_000;

    public required string Id { get; init; }

    public required string Queue { get; init; }

    public string? Function { get; init; }

    public string? Reason { get; init; }

    public DateTime? Since { get; init; }

    public DateTime? Until { get; init; }

    public string? Tag { get; init; }

    /// <summary>Null for as fast as it goes; else from <see cref="MinRate"/> to <see cref="MaxRate"/>.</summary>
    public double? RatePerSecond { get; init; }

    public required RedriveState State { get; init; }

    /// <summary>Sequence of the last letter that was dealt with.</summary>
    public ulong Position { get; init; }

    /// <summary>The last letter when the job began: what dies again is not redriven again.</summary>
    public ulong Last { get; init; }

    public long Redriven { get; init; }

    /// <summary>Letters that are no call of ours.</summary>
    public long Skipped { get; init; }

    /// <summary>How often in a row it failed since a letter was dealt with.</summary>
    public int Failures { get; init; }

    public DateTime StartedAt { get; init; }

    public DateTime UpdatedAt { get; init; }

    /// <summary>Why it stopped; while it runs, why it waits and is tried again.</summary>
    public string? Error { get; init; }

    /// <summary>Which gateway works on it; null before the first.</summary>
    public string? Owner { get; init; }

    /// <summary>
    /// Until when earlier versions leave it to its owner, by clocks that may differ. Nobody reads it here, for whoever takes a job over goes by how long its revision
    /// has stood still; but a job that lies there has it, and would be taken for a newer gateway's (<see cref="Unknown"/>).
    /// </summary>
    public DateTime OwnedUntil { get; init; }

    /// <summary>Keys of a newer gateway. Whoever does not know them may show and cancel the job, and keeps them, but does not work on it.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>The states of a <see cref="RedriveJob"/>.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<RedriveState>))]
internal enum RedriveState
{
    [JsonStringEnumMemberName("running")]
    Running,
    [JsonStringEnumMemberName("done")]
    Done,

    /// <summary>By an operator.</summary>
    [JsonStringEnumMemberName("cancelled")]
    Cancelled,

    /// <summary>A letter cannot be put back, or not be removed; <see cref="RedriveJob.Error"/> says why, <see cref="RedriveJob.Position"/> where.</summary>
    [JsonStringEnumMemberName("stopped")]
    Stopped,
}

/// <summary>What an operator asks for. A key that was mistyped would leave out a filter, and put all letters back.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record RedriveRequest
{
    public string? Function { get; init; }

    public string? Reason { get; init; }

    public string? Since { get; init; }

    public string? Until { get; init; }

    public string? Tag { get; init; }

    /// <summary>As a count gave it: what died since stays.</summary>
    public ulong? Last { get; init; }

    public double? RatePerSecond { get; init; }

    /// <summary>Whether a filter is there and says nothing, as a script's variable does that was not set.</summary>
    public bool HasEmpty() => new[] { Function, Reason, Since, Until, Tag }.Any(text => text is "");
}
