using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Connectors.Sdk.Hosting;
using Connectors.Testing;

namespace Connectors.Sdk.Tests.Hosting;

/// <summary>Whose servers are accepted, in handshakes with real ones, and which of the chains that they may send.</summary>
public sealed class AuthoritiesTests : IDisposable
{
    private static readonly string[] Moments = ["past", "now", "future"];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("authorities-");
    private readonly TestCertificates _ours;
    private readonly TestCertificates _others;

    public AuthoritiesTests()
    {
        _ours = new TestCertificates(_folder.FullName);
        _others = new TestCertificates(_folder.CreateSubdirectory("others").FullName);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task A_root_accepts_what_it_issued_and_what_its_authorities_issued_if_the_server_sends_them()
    {
        Assert.Null(await RefusalAsync(_ours.Authority, "server"));
        Assert.Null(await RefusalAsync(_ours.Authority, "chained-server"));
        Assert.Contains("PartialChain", await RefusalAsync(_ours.Authority, "chained-server", isChainSent: false), StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_that_issues_accepts_by_itself_what_it_issued_and_nothing_else()
    {
        Assert.Null(await RefusalAsync(_ours.IssuingAuthority, "chained-server"));
        Assert.Null(await RefusalAsync(_ours.IssuingAuthority, "chained-server", isChainSent: false));
        Assert.Contains("PartialChain", await RefusalAsync(_ours.IssuingAuthority, "server"), StringComparison.Ordinal);
        Assert.NotNull(await RefusalAsync(_ours.Certificate("server"), "chained-server"));
    }

    [Fact]
    public async Task A_file_may_hold_several_and_a_servers_own_certificate()
    {
        var several = Path.Combine(_folder.FullName, "several.pem");
        await File.WriteAllTextAsync(several, await File.ReadAllTextAsync(_others.IssuingAuthority) + "\n" + await File.ReadAllTextAsync(_ours.Certificate("server")));

        Assert.Null(await RefusalAsync(several, "server"));
        Assert.NotNull(await RefusalAsync(several, "chained-server"));
    }

    // The keys are others.
    [Theory]
    [InlineData("server", true)]
    [InlineData("chained-server", true)]
    [InlineData("chained-server", false)]
    public async Task An_authority_is_no_other_of_its_name(string server, bool isChainSent)
    {
        Assert.NotNull(await RefusalAsync(_others.Authority, server, isChainSent));
        Assert.NotNull(await RefusalAsync(_others.IssuingAuthority, server, isChainSent));
    }

    [Fact]
    public async Task A_certificate_for_clients_or_for_another_host_is_refused_with_the_reason()
    {
        Assert.Contains("NotValidForUsage", await RefusalAsync(_ours.Authority, "client"), StringComparison.Ordinal);
        Assert.Contains("NotValidForUsage", await RefusalAsync(_ours.IssuingAuthority, "chained"), StringComparison.Ordinal);
        Assert.EndsWith(
            $"(CN=server) is refused, checked against {_ours.Authority}: RemoteCertificateNameMismatch", await RefusalAsync(_ours.Authority, "server", host: "localhost"), StringComparison.Ordinal);
    }

    public static MatrixTheoryData<string, string, string> Times => new(Moments, Moments, Moments);

    // Servers send the root or not.
    [Theory]
    [MemberData(nameof(Times))]
    public void The_time_of_an_authority_and_of_what_leads_to_it_counts_and_no_other(string rootTime, string issuingTime, string leafTime)
    {
        using var root = Issue("root", null, rootTime);
        using var issuing = Issue("issuing", root, issuingTime);
        using var leaf = Issue("leaf", issuing, leafTime, isAuthority: false);
        foreach (X509Certificate2[] sent in new X509Certificate2[][] { [issuing], [issuing, root] })
        {
            Check(leaf, leafTime);
            Check(issuing, leafTime, issuingTime);
            Check(root, leafTime, issuingTime, rootTime);

            void Check(X509Certificate2 authority, params string[] times) =>
                Assert.Equal(times.All(time => time == "now") ? null : "NotTimeValid", Reason(authority, leaf, sent));
        }
    }

    [Fact]
    public void What_is_no_authority_issues_nothing_though_it_is_trusted_itself()
    {
        using var root = Issue("root", null);
        using var issuing = Issue("issuing", root);
        using var server = Issue("server", issuing, isAuthority: false);
        using var rogue = Issue("rogue", server, isAuthority: false);

        foreach (var authority in new[] { server, issuing, root })
        {
            Assert.Null(Reason(authority, server, [issuing, root]));
            Assert.Equal("InvalidBasicConstraints", Reason(authority, rogue, [server, issuing, root]));
        }
    }

    // By itself without an issuer.
    private static X509Certificate2 Issue(string name, X509Certificate2? issuer, string time = "now", bool isAuthority = true)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var issuersKey = issuer?.GetECDsaPrivateKey();
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, false, 0, critical: true));
        var begin = TimeProvider.System.GetUtcNow().AddDays(time switch { "past" => -3, "now" => -1, _ => 1 });
        using var certificate = request.Create(
            issuer?.SubjectName ?? request.SubjectName, X509SignatureGenerator.CreateForECDsa(issuersKey ?? key), begin, begin.AddDays(2), RandomNumberGenerator.GetBytes(8));
        return certificate.CopyWithPrivateKey(key);
    }

    // Why it is refused, of a server that sends the others with it; null if it is accepted.
    private string? Reason(X509Certificate2 authority, X509Certificate2 shown, X509Certificate2[] sent)
    {
        var file = Path.Combine(_folder.FullName, "authority.pem");
        File.WriteAllText(file, authority.ExportCertificatePem());
        using var chain = new X509Chain();
        chain.ChainPolicy.ExtraStore.AddRange(sent);
        var refusal = Record.Exception(() => Assert.True(new Authorities(file).Accept(this, shown, chain, SslPolicyErrors.RemoteCertificateChainErrors)));
        return refusal is null ? null : Assert.IsType<AuthenticationException>(refusal).Message.Split(": ")[^1];
    }

    // Null if the server is accepted.
    private async Task<string?> RefusalAsync(string authorities, string server, bool isChainSent = true, string host = "127.0.0.1")
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var caller = new TcpClient();
        await caller.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        using var called = await listener.AcceptTcpClientAsync();
        await using var here = new SslStream(caller.GetStream());
        await using var there = new SslStream(called.GetStream());
        var serving = there.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = Context(server, isChainSent) });

        var refusal = await Record.ExceptionAsync(() => here.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions { TargetHost = host, RemoteCertificateValidationCallback = new Authorities(authorities).Accept }));

        caller.Close();
        await serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return refusal is null ? null : Assert.IsType<AuthenticationException>(refusal).Message;
    }

    private SslStreamCertificateContext Context(string server, bool isChainSent)
    {
        var chain = new X509Certificate2Collection();
        if (isChainSent)
        {
            chain.ImportFromPemFile(_ours.Certificate(server));
        }

        return SslStreamCertificateContext.Create(X509Certificate2.CreateFromPemFile(_ours.Certificate(server), _ours.Key(server)), chain, offline: true);
    }
}
