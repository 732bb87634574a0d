namespace Connectors.Streams.Nats;

/// <summary>Which nats-server we may trust with calls.</summary>
public static class NatsServerVersion
{
    // Before it, overlapping filters are accepted and calls run twice.
    private static readonly Version Oldest = new(2, 10, 0);

    // Before it, a limit is kept by deleting the oldest, whatever the stream is told to drop.
    private static readonly Version KeepsWhatIsOverLimits = new(2, 10, 6);
    private static readonly Version SurvivesKills = new(2, 10, 23);
    private static readonly Version SurvivesPauses = new(2, 11, 0);

    // Before it, a stream that is told to heed them expires nothing until the server is started again.
    private static readonly Version HeedsAges = new(2, 11, 5);
    private static readonly Version HasConsumerLimit = new(2, 15, 0);

    /// <summary>Why a server is not used at all; null for one that is.</summary>
    /// <param name="version">The version as the server tells it.</param>
    /// <param name="option">The option that names the server.</param>
    public static string? Refusal(string version, string option) => Parse(version) >= Oldest
        ? null
        : $"nats-server is {version}; needed is 2.10 or newer, better 2.11 or newer. Upgrade it, or set {option} to another";

    /// <summary>What an old server may do to messages; null for one that is new enough.</summary>
    public static string? Warning(string version) => Parse(version) switch
    {
        var old when old < KeepsWhatIsOverLimits => "calls that wait are deleted when a limit is set below what lies there, acked messages can come back after a crash, and streams can be lost",
        var old when old < SurvivesKills => "acked messages can come back after a crash, and streams can be lost",
        var old when old < SurvivesPauses => "in a cluster whose leader stalls, it takes repeats of what it has not stored for duplicates: such writes are repeated, and may be stored twice",
        _ => null,
    };

    /// <summary>Whether messages may have an age of their own.</summary>
    public static bool HasMessageAges(string version) => Parse(version) >= HeedsAges;

    /// <summary>Whether a stream that names no number of consumers may have only so many.</summary>
    public static bool LimitsConsumers(string version) => Parse(version) >= HasConsumerLimit;

    // A version that nobody can read is older than any.
    private static Version Parse(string text) => Version.TryParse(text.Split('-')[0].TrimStart('v'), out var version) ? version : new Version(0, 0);
}
