using Connectors.Sdk.Hosting;

namespace Connectors.Streams;

/// <summary>Which nats-server we may trust with calls.</summary>
public static class NatsServerVersion
{
    // Before it, overlapping filters are accepted and calls run twice.
    private static readonly Version Oldest = new(2, 10, 0);

    // Before it, acked messages can come back after kill -9, and streams can be lost.
    private static readonly Version Sound = new(2, 10, 23);

    /// <summary>Refuses a server that is too old; true if it is new enough to be trusted.</summary>
    /// <param name="text">The version as the server tells it.</param>
    /// <param name="option">The option that names the server.</param>
    /// <exception cref="ConfigurationException">It is too old.</exception>
    public static bool IsSound(string text, string option)
    {
        var number = text.Split('-')[0].TrimStart('v');
        if (!Version.TryParse(number, out var version) || version < Oldest)
        {
            throw new ConfigurationException($"nats-server is {text}; needed is 2.10 or newer, better 2.10.23 or newer. Upgrade it, or set {option} to another");
        }

        return version >= Sound;
    }
}
