using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Connectors.Sdk.Hosting;

/// <summary>
/// The authorities of a PEM file, one of which a server's certificate has to come from. Each is trusted by itself, as programs in Go have it, be it a root or
/// one that a root made to issue certificates; .NET by itself trusts roots alone.
/// </summary>
public sealed class Authorities
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    private readonly string _file;
    private readonly X509Certificate2Collection _certificates = new();

    /// <summary>Reads the file.</summary>
    /// <exception cref="CryptographicException">A certificate in it is none.</exception>
    public Authorities(string file)
    {
        _file = file;
        _certificates.ImportFromPemFile(file);
    }

    /// <summary>Returns true for the certificate of a server that is the one it was asked for; throws for any other. A <see cref="RemoteCertificateValidationCallback"/>.</summary>
    /// <param name="sender">Who asks.</param>
    /// <param name="certificate">What the server showed.</param>
    /// <param name="sent">A chain that knows the other certificates that it sent.</param>
    /// <param name="errors">What was found by others: that it shows a certificate, and is whom it was asked for.</param>
    /// <exception cref="AuthenticationException">The certificate is refused, and why.</exception>
    public bool Accept(object sender, X509Certificate? certificate, X509Chain? sent, SslPolicyErrors errors)
    {
        var found = errors & ~SslPolicyErrors.RemoteCertificateChainErrors;
        var why = found != SslPolicyErrors.None || certificate is not X509Certificate2 shown ? $"{found}" : Fault(shown, sent?.ChainPolicy.ExtraStore ?? new());
        return why is null ? true : throw new AuthenticationException($"the server's certificate ({certificate?.Subject}) is refused, checked against {_file}: {why}");
    }

    // Null for none.
    private string? Fault(X509Certificate2 shown, X509Certificate2Collection others)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(_certificates);
        chain.ChainPolicy.ExtraStore.AddRange(others);
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ServerAuthentication));
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.Build(shown);

        var below = chain.ChainElements.TakeWhile(element => !IsOurs(element.Certificate)).Count();
        if (below == chain.ChainElements.Count)
        {
            return string.Join(", ", chain.ChainStatus.Select(status => status.Status));
        }

        // Beyond our authority the chain may lead wherever it likes.
        var faults = chain.ChainElements
            .Take(below + 1)
            .SelectMany(element => element.ChainElementStatus)
            .Select(status => status.Status)
            .Where(status => status is not (X509ChainStatusFlags.PartialChain or X509ChainStatusFlags.UntrustedRoot))
            .ToList();

        // OpenSSL does not look at the time of one that ends a chain and is no root.
        if (!IsTimely(chain.ChainElements[below].Certificate, chain.ChainPolicy.VerificationTime))
        {
            faults.Add(X509ChainStatusFlags.NotTimeValid);
        }

        return faults.Count == 0 ? null : string.Join(", ", faults.Distinct());
    }

    private bool IsOurs(X509Certificate2 certificate) => _certificates.Any(ours => ours.RawDataMemory.Span.SequenceEqual(certificate.RawDataMemory.Span));

    private static bool IsTimely(X509Certificate2 certificate, DateTime at) =>
        certificate.NotBefore.ToUniversalTime() <= at.ToUniversalTime() && at.ToUniversalTime() <= certificate.NotAfter.ToUniversalTime();
}
