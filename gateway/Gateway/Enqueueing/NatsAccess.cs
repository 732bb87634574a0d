using Connectors.Sdk.Hosting;
using Connectors.Streams;
using NATS.Client.Core;

namespace Connectors.Gateway.Enqueueing;

/// <summary>Who we are to the NATS server, as its client wants it. User, password and token are read now, key files by the client.</summary>
internal static class NatsAccess
{
    public static NatsAuthOpts Auth(BrokerAccess access) => new()
    {
        Username = Content(access.UserFile),
        Password = Content(access.PasswordFile),
        Token = Content(access.TokenFile),
        NKeyFile = access.NkeyFile,
        CredsFile = access.CredsFile,
    };

    public static NatsTlsOpts Tls(BrokerAccess access) => new()
    {
        CaFile = access.CaFile,
        CertFile = access.CertFile,
        KeyFile = access.KeyFile,
        Mode = access.Tls switch
        {
            BrokerTls.Require => TlsMode.Require,
            BrokerTls.First => TlsMode.Implicit,
            BrokerTls.Off => TlsMode.Disable,
            _ => TlsMode.Auto,
        },
    };

    private static string? Content(string? file) => file is null ? null : new SecretFile(file).Value;
}
