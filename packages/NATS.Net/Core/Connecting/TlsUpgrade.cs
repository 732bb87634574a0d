using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace NATS.Client.Core;

/// <summary>Puts TLS on a connection as <see cref="NatsTlsOpts"/> wish.</summary>
internal static class TlsUpgrade
{
    public static async Task<SslStream> UpgradeAsync(Stream stream, string host, NatsTlsOpts opts, CancellationToken cancellationToken)
    {
        var options = new SslClientAuthenticationOptions { TargetHost = host };
        if (await ClientCertificateAsync(opts, cancellationToken).ConfigureAwait(false) is { } certificate)
            options.ClientCertificateContext = SslStreamCertificateContext.Create(certificate, additionalCertificates: null, offline: true);

        if (opts.InsecureSkipVerify)
            options.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
        else if (opts.CaFile is { } caFile)
            options.CertificateChainPolicy = await TrustOnlyAsync(caFile, cancellationToken).ConfigureAwait(false);

        if (opts.ConfigureClientAuthentication is { } configure)
            await configure(options).ConfigureAwait(false);

        var tls = new SslStream(stream, leaveInnerStreamOpen: false);
        try
        {
            await tls.AuthenticateAsClientAsync(options, cancellationToken).ConfigureAwait(false);
            return tls;
        }
        catch
        {
            await tls.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static async Task<X509Certificate2?> ClientCertificateAsync(NatsTlsOpts opts, CancellationToken cancellationToken)
    {
        if (opts.CertFile is not null != opts.KeyFile is not null)
            throw new ArgumentException("NatsTlsOpts.CertFile and NatsTlsOpts.KeyFile must both be set");
        if (opts is { CertFile: not null, CertBundleFile: not null })
            throw new ArgumentException("NatsTlsOpts.CertFile and NatsTlsOpts.CertBundleFile are mutually exclusive");

        if (opts.CertBundleFile is { } bundle)
            return X509CertificateLoader.LoadPkcs12FromFile(bundle, opts.CertBundleFilePassword);
        if (opts.CertFile is null || opts.KeyFile is null)
            return null;

        var certificate = await File.ReadAllTextAsync(opts.CertFile, cancellationToken).ConfigureAwait(false);
        var key = await File.ReadAllTextAsync(opts.KeyFile, cancellationToken).ConfigureAwait(false);
        return opts.KeyFilePassword is { } password
            ? X509Certificate2.CreateFromEncryptedPem(certificate, key, password)
            : X509Certificate2.CreateFromPem(certificate, key);
    }

    private static async Task<X509ChainPolicy> TrustOnlyAsync(string caFile, CancellationToken cancellationToken)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        policy.CustomTrustStore.ImportFromPem(await File.ReadAllTextAsync(caFile, cancellationToken).ConfigureAwait(false));
        return policy;
    }
}
