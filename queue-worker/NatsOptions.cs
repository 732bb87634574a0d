using Connectors.Sdk.Hosting;
using Connectors.Streams;
using NATS.Client.Core;

namespace Connectors.QueueWorker;

/// <summary>Where the broker is and who we are there.</summary>
internal sealed record NatsOptions
{
    public required string Host { get; init; }

    public required int Port { get; init; }

    public required BrokerAccess Access { get; init; }

    public string Url => $"nats://{(Host.Contains(':') && !Host.StartsWith('[') ? $"[{Host}]" : Host)}:{Port}";

    /// <summary>Who we are, as the client wants it. User, password and token are read now, key files by the client.</summary>
    public NatsAuthOpts Auth => new()
    {
        Username = Content(Access.UserFile),
        Password = Content(Access.PasswordFile),
        Token = Content(Access.TokenFile),
        NKeyFile = Access.NkeyFile,
        CredsFile = Access.CredsFile,
    };

    public NatsTlsOpts Tls => new()
    {
        CaFile = Access.CaFile,
        CertFile = Access.CertFile,
        KeyFile = Access.KeyFile,
        Mode = Access.Tls switch
        {
            BrokerTls.Require => TlsMode.Require,
            BrokerTls.First => TlsMode.Implicit,
            BrokerTls.Off => TlsMode.Disable,
            _ => TlsMode.Auto,
        },
    };

    public static NatsOptions Read(Settings settings, string secretMountPath) => new()
    {
        Host = settings.Text("nats_host", "nats.openfaas", "Host of the NATS server"),
        Port = settings.Number("nats_port", 4222, "Port of the NATS server", 1, 65535),
        Access = BrokerAccess.Read(settings, secretMountPath),
    };

    private static string? Content(string? file) => file is null ? null : new SecretFile(file).Value;
}
