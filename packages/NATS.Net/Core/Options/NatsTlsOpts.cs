using System.Net.Security;

namespace NATS.Client.Core;

public sealed record NatsTlsOpts
{
    public static readonly NatsTlsOpts Default = new();

    /// <summary>PEM file with the client's certificate; needs <see cref="KeyFile"/>.</summary>
    public string? CertFile { get; init; }

    /// <summary>PEM file with the client's private key.</summary>
    public string? KeyFile { get; init; }

    public string? KeyFilePassword { get; init; }

    /// <summary>PKCS#12 file with certificate and key, in place of the two PEM files.</summary>
    public string? CertBundleFile { get; init; }

    public string? CertBundleFilePassword { get; init; }

    /// <summary>Last word on the TLS options before each handshake.</summary>
    public Func<SslClientAuthenticationOptions, ValueTask>? ConfigureClientAuthentication { get; init; }

    /// <summary>PEM file with the authorities that the server's certificate must come from; the system's when not set.</summary>
    public string? CaFile { get; init; }

    public bool InsecureSkipVerify { get; init; }

    public TlsMode Mode { get; init; }

    internal bool HasTlsCerts =>
        CertFile is not null || KeyFile is not null || CertBundleFile is not null || CaFile is not null || ConfigureClientAuthentication is not null;

    internal TlsMode EffectiveMode(bool tlsScheme) =>
        Mode != TlsMode.Auto ? Mode : tlsScheme || HasTlsCerts ? TlsMode.Require : TlsMode.Prefer;
}
