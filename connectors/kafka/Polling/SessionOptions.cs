using Connectors.Sdk.Hosting;

namespace Connectors.Kafka.Polling;

/// <summary>How a session with the brokers begins, commits and tells of itself.</summary>
internal sealed record SessionOptions
{
    public required InitialOffset InitialOffset { get; init; }

    public required TimeSpan CommitInterval { get; init; }

    /// <summary>
    /// After which time an offset that did not change is committed again. Brokers before 2.0 keep one for a day after that, and those before 2.1 do not ask
    /// whether the group is alive.
    /// </summary>
    public TimeSpan RenewInterval { get; init; } = TimeSpan.FromHours(1);

    public required bool LogSessions { get; init; }

    public static SessionOptions Read(Settings settings) => new()
    {
        InitialOffset = settings.Choice("initial_offset", InitialOffset.Oldest, "Where a group without a committed offset begins: oldest or newest"),
        CommitInterval = settings.Duration(
            "commit_interval", TimeSpan.FromSeconds(1), "Time between two commits of finished offsets", TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(5)),
        LogSessions = settings.Flag("log_sessions", true, "Log a line for each rebalance"),
    };
}

/// <summary>Where a group begins that has committed nothing.</summary>
internal enum InitialOffset
{
    Oldest,
    Newest,
}
