using System.Text.Json.Serialization;

namespace Connectors.Gateway.Queues;

/// <summary>A redrive of many letters, as it lies in <c>OF_redrives</c> and as it is shown.</summary>
internal sealed record RedriveJob
{
    public required string Id { get; init; }

    public required string Queue { get; init; }

    public string? Function { get; init; }

    public string? Reason { get; init; }

    /// <summary>Null for as fast as it goes.</summary>
    public double? RatePerSecond { get; init; }

    public required RedriveState State { get; init; }

    /// <summary>Sequence of the last letter that was dealt with.</summary>
    public ulong Position { get; init; }

    /// <summary>The last letter when the job began: what dies again is not redriven again.</summary>
    public ulong Last { get; init; }

    public long Redriven { get; init; }

    /// <summary>Letters that are no call of ours.</summary>
    public long Skipped { get; init; }

    public DateTime StartedAt { get; init; }

    public DateTime UpdatedAt { get; init; }

    public string? Error { get; init; }

    /// <summary>Which gateway works on it, and until when nobody else does.</summary>
    public string? Owner { get; init; }

    public DateTime OwnedUntil { get; init; }
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

    /// <summary>The queue refused; <see cref="RedriveJob.Error"/> says why, <see cref="RedriveJob.Position"/> where.</summary>
    [JsonStringEnumMemberName("stopped")]
    Stopped,
}

/// <summary>What an operator asks for.</summary>
internal sealed record RedriveRequest
{
    public string? Function { get; init; }

    public string? Reason { get; init; }

    public double? RatePerSecond { get; init; }
}
