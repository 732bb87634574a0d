using Connectors.Sdk.Hosting;
using Connectors.Streams;

namespace Connectors.Cron;

/// <summary>The NATS server that replicas share their cursors in.</summary>
internal sealed record NatsOptions
{
    /// <summary>Host of the server; empty for none.</summary>
    public required string Host { get; init; }

    public required int Port { get; init; }

    public required BrokerAccess Access { get; init; }

    /// <summary>On how many servers the bucket lies.</summary>
    public required int Replicas { get; init; }

    public bool IsSet => Host.Length > 0;

    public string Url => $"nats://{(Host.Contains(':') && !Host.StartsWith('[') ? $"[{Host}]" : Host)}:{Port}";

    public static NatsOptions Read(Settings settings, string secretMountPath) => new()
    {
        Host = settings.Text("nats_host", "", "Host of the NATS server in which replicas share how far they have come; unset means that there is one replica"),
        Port = settings.Number("nats_port", 4222, "Port of the NATS server", 1, 65535),
        Access = BrokerAccess.Read(settings, secretMountPath),
        Replicas = settings.Number("nats_stream_replicas", 1, "On how many NATS servers the bucket OF_cron lies, when it is made", 1, 5),
    };
}
