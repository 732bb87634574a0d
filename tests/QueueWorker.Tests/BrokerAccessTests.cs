using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Connectors.Sdk.Hosting;
using Connectors.Testing;

namespace Connectors.QueueWorker.Tests;

/// <summary>The worker against servers that want to know who it is: with the right proof it becomes ready, with a wrong one it does not.</summary>
public sealed class BrokerAccessTests : IDisposable
{
    // A pair from the documentation of nkeys.
    private const string Seed = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
    private const string PublicKey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

    private readonly string _folder = Directory.CreateTempSubdirectory("access-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task User_and_password()
    {
        await using var server = await NatsServer.StartAsync("authorization { user: u, password: \"p w\" }");

        await BecomesReadyAsync(server, ("secret_mount_path", _folder), ("nats_user_file", Put("user", "u\n")), ("nats_password_file", Put("password", "p w\n")));
    }

    [Fact]
    public async Task Token()
    {
        await using var server = await NatsServer.StartAsync("authorization { token: s3cret }");

        await BecomesReadyAsync(server, ("nats_token_file", Put("token", "s3cret")));
    }

    [Fact]
    public async Task Nkey()
    {
        await using var server = await NatsServer.StartAsync($"authorization {{ users: [ {{ nkey: {PublicKey} }} ] }}");

        await BecomesReadyAsync(server, ("nats_nkey_file", Put("user.nk", Seed + "\n")));
    }

    [Fact]
    public async Task A_client_certificate()
    {
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=test authority", authorityKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        var now = TimeProvider.System.GetUtcNow();
        using var authority = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(30));
        var ca = Put("ca.pem", authority.ExportCertificatePem());
        var (serverCert, serverKey) = Issue(authority, "server", "1.3.6.1.5.5.7.3.1");
        var (clientCert, clientKey) = Issue(authority, "client", "1.3.6.1.5.5.7.3.2");
        await using var server = await NatsServer.StartAsync($"tls {{ cert_file: \"{serverCert}\", key_file: \"{serverKey}\", ca_file: \"{ca}\", verify: true }}");

        await BecomesReadyAsync(server, ("nats_tls", "require"), ("nats_tls_ca_file", ca), ("nats_tls_cert_file", clientCert), ("nats_tls_key_file", clientKey));
    }

    [Fact]
    public void Proofs_that_do_not_go_together_are_faults()
    {
        Assert.Contains("nats_password_file", Faults(("nats_user_file", Put("user", "u"))), StringComparison.Ordinal);
        Assert.Contains("nats_tls_key_file", Faults(("nats_tls_cert_file", Put("cert", "c"))), StringComparison.Ordinal);
        Assert.Contains("only one of", Faults(("nats_token_file", Put("token", "t")), ("nats_nkey_file", Put("nkey", "n"))), StringComparison.Ordinal);
    }

    private static string Faults(params (string Name, string Value)[] options)
    {
        var settings = new Settings(options.ToDictionary(o => o.Name, o => o.Value));
        QueueWorkerOptions.Read(settings);
        return Assert.Single(settings.Errors);
    }

    private static async Task BecomesReadyAsync(NatsServer server, params (string Name, string Value)[] options)
    {
        var common = new Dictionary<string, string> { ["nats_host"] = "127.0.0.1", ["nats_port"] = server.Port.ToString(), ["gateway_url"] = "http://127.0.0.1:1" };
        await using var worker = await ServiceProcess.StartAsync("QueueWorker", options.Aggregate(common, (all, option) =>
        {
            all[option.Name] = option.Value;
            return all;
        }));

        Assert.Equal(0, await worker.TerminateAsync());
    }

    private string Put(string name, string content)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, content);
        return path;
    }

    private (string Certificate, string Key) Issue(X509Certificate2 authority, string name, string purpose)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(purpose)], critical: false));
        using var certificate = request.Create(authority, authority.NotBefore, authority.NotAfter, RandomNumberGenerator.GetBytes(8));
        return (Put($"{name}.pem", certificate.ExportCertificatePem()), Put($"{name}-key.pem", key.ExportPkcs8PrivateKeyPem()));
    }
}
