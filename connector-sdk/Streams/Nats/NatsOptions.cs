using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Connectors.Sdk.Hosting;

namespace Connectors.Streams.Nats;

/// <summary>Where the NATS server is and who we are there.</summary>
public sealed partial record NatsOptions
{
    private const int DefaultPort = 4222;

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
    /// <param name="older">Older names of the two, for where the new ones are not set; the port is that of no host named otherwise. Null for none.</param>
    public static NatsOptions Read(
        Settings settings, string secretMountPath, string hostOption, string portOption, string host, string meaning, (string HostOption, string PortOption)? older = null)
    {
        var port = DefaultPort;
        if (older is var (olderHost, olderPort))
        {
            host = ReadHost(settings, olderHost, olderPort, "", $"Older name of {hostOption}, used when that is not set") is { Length: > 0 } known ? known : host;
            port = settings.Number(olderPort, DefaultPort, $"Older name of {portOption}, used when neither that nor {hostOption} is set", 1, 65535);
        }

        var given = ReadHost(settings, hostOption, portOption, host, meaning);
        return new NatsOptions
        {
            Host = given,
            Port = settings.Number(portOption, given == host ? port : DefaultPort, "Port of the NATS server", 1, 65535),
            Access = BrokerAccess.Read(settings, secretMountPath),
            HostOption = hostOption,
        };
    }

    private static string ReadHost(Settings settings, string option, string portOption, string fallback, string meaning)
    {
        var given = settings.Text(option, fallback, meaning);
        if (given.Length == 0 || HostName().IsMatch(given) || IsIPv6(given))
        {
            return given;
        }

        settings.Fault(option, $"a host name or an IP address, without scheme and port (that is {portOption}), and one only: a cluster tells of its other servers by itself");
        return fallback;
    }

    private static bool IsIPv6(string host) =>
        host.StartsWith('[') == host.EndsWith(']') && IPAddress.TryParse(host.Trim('[', ']'), out var address) && address.AddressFamily == AddressFamily.InterNetworkV6;

    // An IPv4 address looks like one.
    [GeneratedRegex(@"^[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?)*\.?\z")]
    private static partial Regex HostName();
}
