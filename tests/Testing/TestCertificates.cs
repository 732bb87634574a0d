using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Connectors.Testing;

/// <summary>
/// An authority, a server's certificate for 127.0.0.1 and a client's, as PEM files in a folder; and those of another client and another server,
/// <c>chained</c> and <c>chained-server</c>, that an intermediate authority signed, whose own certificate follows each in its file.
/// </summary>
public sealed class TestCertificates
{
    /// <summary>What opens the stores.</summary>
    public const string StorePassword = "secret";

    private readonly string _folder;
    private readonly X509Certificate2 _authority;

    public TestCertificates(string folder)
    {
        _folder = folder;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        _authority = Authorities("test authority", key).CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(30));
        File.WriteAllText(Authority, _authority.ExportCertificatePem());
        Issue(_authority, "server", server: true);
        Issue(_authority, "client", server: false);

        using var intermediateKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var signed = Sign(_authority, Authorities("intermediate authority", intermediateKey));
        using var intermediate = signed.CopyWithPrivateKey(intermediateKey);
        File.WriteAllText(IssuingAuthority, intermediate.ExportCertificatePem());
        foreach (var (name, server) in new[] { ("chained", false), ("chained-server", true) })
        {
            Issue(intermediate, name, server);
            File.AppendAllText(Certificate(name), "\n" + intermediate.ExportCertificatePem());
        }
    }

    public string Authority => Path.Combine(_folder, "ca.pem");

    /// <summary>The intermediate authority alone.</summary>
    public string IssuingAuthority => Path.Combine(_folder, "issuing-ca.pem");

    public string Certificate(string name) => Path.Combine(_folder, $"{name}.pem");

    public string Key(string name) => Path.Combine(_folder, $"{name}-key.pem");

    /// <summary>A name's certificate with its key, for servers in Java.</summary>
    public string KeyStore(string name)
    {
        using var certificate = X509Certificate2.CreateFromPemFile(Certificate(name), Key(name));
        return Store(certificate, name);
    }

    /// <summary>The authority, for servers in Java. They take no store for one that holds certificates alone, so its key is with it.</summary>
    public string TrustStore() => Store(_authority, "ca");

    public string ServerConfig(string more = "", string server = "server") =>
        $"tls {{ cert_file: \"{Certificate(server)}\", key_file: \"{Key(server)}\", ca_file: \"{Authority}\", timeout: 30{more} }}";

    private string Store(X509Certificate2 certificate, string name)
    {
        var path = Path.Combine(_folder, $"{name}.p12");
        File.WriteAllBytes(path, certificate.Export(X509ContentType.Pkcs12, StorePassword));
        return path;
    }

    private static CertificateRequest Authorities(string name, ECDsa key)
    {
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        return request;
    }

    private X509Certificate2 Sign(X509Certificate2 issuer, CertificateRequest request) =>
        request.Create(issuer, _authority.NotBefore, _authority.NotAfter, RandomNumberGenerator.GetBytes(8));

    private void Issue(X509Certificate2 issuer, string name, bool server)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        var purpose = new Oid(server ? "1.3.6.1.5.5.7.3.1" : "1.3.6.1.5.5.7.3.2");
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([purpose], critical: false));
        using var certificate = Sign(issuer, request);
        File.WriteAllText(Certificate(name), certificate.ExportCertificatePem());
        File.WriteAllText(Key(name), key.ExportPkcs8PrivateKeyPem());
    }
}
