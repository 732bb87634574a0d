using Connectors.Sdk.Hosting;

namespace Connectors.QueueWorker.Consuming;

/// <summary>Which nats-server we may trust with calls.</summary>
internal static class ServerVersion
{
    // Before it, overlapping filters are accepted and calls run twice.
    private static readonly Version Oldest = new(2, 10, 0);

    // Before it, acked messages can come back after kill -9, and streams can be lost.
    private static readonly Version Sound = new(2, 10, 23);

    /// <summary>Refuses a server that is too old; true if it is new enough to be trusted.</summary>
    /// <exception cref="ConfigurationException">It is too old.</exception>
    public static bool IsSound(string text)
    {
        var number = text.Split('-')[0].TrimStart('v');
        if (!Version.TryParse(number, out var version) || version < Oldest)
        {
            throw new ConfigurationException($"nats-server is {text}; needed is 2.10 or newer, better 2.10.23 or newer. Upgrade it, or set nats_host to another");
        }

        return version >= Sound;
    }
}
