namespace NATS.Client.KeyValueStore;

public record NatsKVWatchOpts
{
    public static readonly NatsKVWatchOpts Default = new();

    public TimeSpan IdleHeartbeat { get; init; } = TimeSpan.FromSeconds(5);

    public bool IgnoreDeletes { get; init; }

    /// <summary>All kept values of each key, not only the last.</summary>
    public bool IncludeHistory { get; init; }

    /// <summary>Only what comes from now on.</summary>
    public bool UpdatesOnly { get; init; }

    /// <summary>Keys and revisions without values.</summary>
    public bool MetaOnly { get; init; }

    /// <summary>Called when all that was there is told, at once if there was nothing; true ends the watch.</summary>
    public Func<CancellationToken, ValueTask<bool>>? OnNoData { get; init; }

    /// <summary>Begin with this revision; 0: not used.</summary>
    public ulong ResumeAtRevision { get; set; }
}

public record NatsKVDeleteOpts
{
    public bool Purge { get; init; }

    /// <summary>Only if this is the last revision; 0: whatever it is.</summary>
    public ulong Revision { get; init; }
}

public record NatsKVPurgeOpts
{
    public static readonly NatsKVPurgeOpts Default = new() { DeleteMarkersThreshold = TimeSpan.FromMinutes(30) };

    /// <summary>Markers younger than this stay.</summary>
    public TimeSpan DeleteMarkersThreshold { get; init; }
}
