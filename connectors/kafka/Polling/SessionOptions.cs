using Connectors.Sdk.Hosting;

namespace Connectors.Kafka.Polling;

/// <summary>How a session with the brokers begins, commits and tells of itself.</summary>
internal sealed record SessionOptions
{
    public required InitialOffset InitialOffset { get; init; }

    public required TimeSpan CommitInterval { get; init; }

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
