using Connectors.Sdk.Hosting;

namespace Connectors.Streams.Nats;

/// <summary>Where the NATS server is and who we are there.</summary>
public sealed record NatsOptions
{
    /// <summary>Host of the server, a name or an address; empty for none.</summary>
    public required string Host { get; init; }

    /// <summary>Port of the server.</summary>
    public required int Port { get; init; }

    /// <summary>How we prove who we are.</summary>
    public required BrokerAccess Access { get; init; }

    /// <summary>The option that names the server, for messages.</summary>
    public required string HostOption { get; init; }

    /// <summary>Whether a server is named at all.</summary>
    public bool IsSet => Host.Length > 0;

    /// <summary>The server's address; an IPv6 host stands in brackets.</summary>
    public string Url => $"nats://{(Host.Contains(':') && !Host.StartsWith('[') ? $"[{Host}]" : Host)}:{Port}";

    /// <summary>Reads the options.</summary>
    /// <param name="settings">Where from.</param>
    /// <param name="secretMountPath">Folder of files that are named without one.</param>
    /// <param name="hostOption">Name of the option with the host: <c>nats_host</c>, or what OpenFaaS calls it.</param>
    /// <param name="portOption">Name of the option with the port.</param>
    /// <param name="host">The host unless set.</param>
    /// <param name="meaning">What the host option is for, in help.</param>
    public static NatsOptions Read(Settings settings, string secretMountPath, string hostOption, string portOption, string host, string meaning) => new()
    {
        Host = settings.Text(hostOption, host, meaning),
        Port = settings.Number(portOption, 4222, "Port of the NATS server", 1, 65535),
        Access = BrokerAccess.Read(settings, secretMountPath),
        HostOption = hostOption,
    };
}
