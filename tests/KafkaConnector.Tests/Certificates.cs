using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Connectors.Kafka.Tests;

/// <summary>Certificates that sign themselves.</summary>
internal static class Certificates
{
    /// <summary>A certificate, its key, and itself as authority, as PEM.</summary>
    public static (string Name, string Content)[] Files(string subject)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest($"CN={subject}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        var pem = certificate.ExportCertificatePem();
        return [("ca", pem), ("cert", pem), ("key", key.ExportPkcs8PrivateKeyPem())];
    }
}
