using System.Net;
using System.Net.Sockets;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Testing;
using NATS.Client.Core;

namespace Connectors.Streams.Tests.Nats;

/// <summary>How the link comes, goes and comes back, and what it says meanwhile.</summary>
public sealed class NatsLinkTests : IDisposable
{
    private const string Login = "authorization { user: u, password: \"first one\" }";
    private const string OtherLogin = "authorization { user: u, password: \"second one\" }";

    private readonly string _folder = Directory.CreateTempSubdirectory("link-").FullName;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("nats.openfaas", "nats://nats.openfaas:4222")]
    [InlineData("127.0.0.1", "nats://127.0.0.1:4222")]
    [InlineData("::1", "nats://[::1]:4222")]
    [InlineData("[fd00::7]", "nats://[fd00::7]:4222")]
    [InlineData("nats_1.nats.svc.cluster.local.", "nats://nats_1.nats.svc.cluster.local.:4222")]
    public void An_IPv6_host_stands_in_brackets(string host, string url)
    {
        var settings = new Settings(new Dictionary<string, string> { ["faas_nats_address"] = host });

        Assert.Equal(url, NatsOptions.Read(settings, "/s", "faas_nats_address", "faas_nats_port", "", "x").Url);
    }

    // The client takes the address apart in its constructor, long after options are told of.
    [Theory]
    [InlineData("nats:4222")]
    [InlineData("cafe:4222")]
    [InlineData("127.0.0.1:4222")]
    [InlineData("[::1]:4222")]
    [InlineData("[::1")]
    [InlineData("nats://nats")]
    [InlineData("tls://nats:4222")]
    [InlineData("one,two")]
    [InlineData("one two")]
    [InlineData("user@nats")]
    [InlineData("nats/")]
    [InlineData("nats..svc")]
    public void What_is_no_host_is_refused_by_the_name_of_its_option(string host)
    {
        var settings = new Settings(new Dictionary<string, string> { ["nats_host"] = host });

        var options = NatsOptions.Read(settings, "/s", "nats_host", "nats_port", "nats.openfaas", "x");

        Assert.StartsWith("nats_host: ", Assert.Single(settings.Errors), StringComparison.Ordinal);
        Assert.Contains("nats_port", settings.Errors[0], StringComparison.Ordinal);
        Assert.Equal("nats://nats.openfaas:4222", options.Url);
    }

    [Fact]
    public async Task It_may_come_late_and_go_and_come_back()
    {
        var port = FreePort.Next();
        await using var link = await TestLink.StartAsync(port);
        await Eventually.HoldsAsync(() => link.Link.Trouble.Contains("refused", StringComparison.OrdinalIgnoreCase), () => $"it says why: {link.Link.Trouble}");
        await Eventually.HoldsAsync(() => link.Readiness.Unmet.SingleOrDefault()?.Contains("refused", StringComparison.OrdinalIgnoreCase) == true, "so does readiness");

        await using var server = await NatsServer.StartAsync(port: port);
        await link.Link.OpenAsync(Eventually.Patience, Ct);
        await Eventually.HoldsAsync(() => link.Readiness.Unmet.Count == 0, "it is ready");

        await server.KillAsync();
        await Eventually.HoldsAsync(() => link.Readiness.Unmet.Count == 1 && !link.Link.IsOpen, "it is not ready");
        await server.StartAgainAsync();
        await link.Link.OpenAsync(Eventually.Patience, Ct);

        // A busy machine may lose the connection once more.
        await Eventually.HoldsAsync(() => link.Readiness.Unmet.Count == 0 && link.Reconnects >= 1, "it is ready again");
    }

    [Fact]
    public async Task It_ends_at_once_when_it_is_told_to_before_it_was_ever_connected()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var link = await TestLink.StartAsync(((IPEndPoint)silent.LocalEndpoint).Port);

        await link.DisposeAsync().AsTask().WaitAsync(Eventually.Patience, Ct);
    }

    [Fact]
    public async Task An_address_of_its_name_behind_which_nobody_answers_keeps_it_from_none_of_the_others()
    {
        await using var server = await NatsServer.StartAsync();
        await using var link = await TestLink.StartAsync(server.Port, host: "nats.test", dialer: Addresses());

        await link.Link.OpenAsync(Eventually.Patience, Ct);
    }

    // It is for 127.0.0.1 alone.
    [Fact]
    public async Task A_certificate_has_to_be_for_the_name_and_not_for_the_address_that_answered()
    {
        var certificates = new TestCertificates(_folder);
        await using var server = await NatsServer.StartAsync(certificates.ServerConfig());
        await using var link = await TestLink.StartAsync(server.Port, new BrokerAccess { CaFile = certificates.Authority }, host: "nats.test", dialer: Addresses());

        await Eventually.HoldsAsync(
            () => link.Link.Trouble.Contains($"(CN=server) is refused, checked against {certificates.Authority}: RemoteCertificateNameMismatch", StringComparison.Ordinal),
            () => $"it says why: {link.Link.Trouble}");
        Assert.False(link.Link.IsOpen);
    }

    // Neither can a ping be written then, by which the client tells whether the server is there.
    [Fact]
    public async Task A_server_that_reads_nothing_more_loses_the_link_though_nothing_more_can_be_written_to_it()
    {
        await using var server = await NatsServer.StartAsync();
        await using var proxy = new NatsProxy(server.Port);
        await using var link = await TestLink.StartAsync(proxy.Port);
        await link.Link.OpenAsync(Eventually.Patience, Ct);
        var lost = link.Link.Disconnected;
        var held = proxy.Hold("PUB fill ");

        // Until nobody on the way has room for more.
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            while (true)
            {
                await link.Link.Connection.PublishAsync("fill", new byte[512 * 1024], cancellationToken: Ct);
            }
        });
        Assert.True(held.Reached.IsCompleted);

        await lost.WaitAsync(Eventually.Patience, Ct);
        await link.Link.OpenAsync(Eventually.Patience, Ct);
        held.Release();
    }

    [Fact]
    public async Task A_refused_login_is_told_once_with_its_cause()
    {
        await using var server = await NatsServer.StartAsync(Login);
        using var lines = new Lines();
        await using var link = await TestLink.StartAsync(server.Port, loggers: lines);

        await Eventually.HoldsAsync(() => Refusals(server) >= 4, "it tries again and again");
        await Eventually.HoldsAsync(() => link.Link.Trouble.Contains("Authorization Violation", StringComparison.Ordinal), () => $"it says why: {link.Link.Trouble}");
        await Eventually.HoldsAsync(() => link.Readiness.Unmet.SingleOrDefault()?.Contains("Authorization Violation", StringComparison.Ordinal) == true, "so does readiness");

        // A busy machine may have another cause in between, after which the first one is news again.
        var told = lines.Warnings.ToLookup(line => line.Contains("cannot be reached", StringComparison.Ordinal));
        Assert.Contains(told[true], line => line.Contains("Authorization Violation", StringComparison.Ordinal));
        Assert.DoesNotContain(told[true].Zip(told[true].Skip(1)), pair => pair.First == pair.Second);
        Assert.Equal(told[false].Distinct(), told[false]);
    }

    [Fact]
    public async Task A_certificate_that_is_not_trusted_is_told()
    {
        await using var server = await NatsServer.StartAsync(new TestCertificates(_folder).ServerConfig());
        await using var link = await TestLink.StartAsync(server.Port, new BrokerAccess { Tls = BrokerTls.Require });

        await Eventually.HoldsAsync(() => link.Link.Trouble.Contains("certificate", StringComparison.Ordinal), () => $"it says why: {link.Link.Trouble}");
    }

    [Fact]
    public async Task The_authority_that_issued_a_certificate_is_enough_and_another_one_of_its_name_is_not()
    {
        var certificates = new TestCertificates(_folder);
        var others = new TestCertificates(Directory.CreateDirectory(Path.Combine(_folder, "others")).FullName);
        await using var server = await NatsServer.StartAsync(certificates.ServerConfig(server: "chained-server"));
        await using var link = await TestLink.OpenAsync(server, new BrokerAccess { CaFile = certificates.IssuingAuthority });
        await using var refused = await TestLink.StartAsync(server.Port, new BrokerAccess { CaFile = others.IssuingAuthority });

        await Eventually.HoldsAsync(
            () => refused.Link.Trouble.Contains($"(CN=chained-server) is refused, checked against {others.IssuingAuthority}: ", StringComparison.Ordinal),
            () => $"it says why: {refused.Link.Trouble}");
        Assert.False(refused.Link.IsOpen);
    }

    // The client would stop trying after two equal refusals, or after MaxReconnectRetry tries, and what waits on it would wait for ever.
    [Fact]
    public async Task A_password_that_is_rotated_after_many_refusals_is_taken_up_and_what_waits_goes_on()
    {
        await using var server = await NatsServer.StartAsync(Login);
        var access = new BrokerAccess { UserFile = Put("user", "u\n"), PasswordFile = Put("password", "first one\n") };
        await using var link = await TestLink.OpenAsync(server, access);
        await using var waiting = await link.Link.Connection.SubscribeCoreAsync<string>("news", cancellationToken: Ct);

        await server.KillAsync();
        await server.StartAgainAsync(OtherLogin);
        await Eventually.HoldsAsync(() => Refusals(server) >= 4, "the old password is refused");
        Assert.False(link.Link.IsOpen);

        Put("password", "second one");
        await link.Link.OpenAsync(Eventually.Patience, Ct);
        await link.Link.Connection.PublishAsync("news", "good", cancellationToken: Ct);
        Assert.Equal("good", (await waiting.Msgs.ReadAsync(Ct)).Data);
    }

    [Fact]
    public async Task A_token_is_rotated()
    {
        await using var server = await NatsServer.StartAsync("authorization { token: one }");
        await using var link = await TestLink.OpenAsync(server, new BrokerAccess { TokenFile = Put("token", "one\n") });

        await RotateAsync(server, link, "authorization { token: two }", () => Put("token", "two\n"));
    }

    [Fact]
    public async Task An_nkey_needs_its_seed_alone_and_is_rotated()
    {
        await using var server = await NatsServer.StartAsync("");
        var file = Put("user.nk", NatsIdentities.StrangersSeed);
        await using var link = await TestLink.OpenAsync(server, new BrokerAccess { NkeyFile = file });

        await RotateAsync(server, link, NatsIdentities.NkeyConfig, () => Put("user.nk", $"# ours\n{NatsIdentities.Seed}\n"));
    }

    [Fact]
    public async Task Certificates_are_rotated_those_of_the_authority_too()
    {
        var first = new TestCertificates(_folder);
        var access = new BrokerAccess { Tls = BrokerTls.Require, CaFile = first.Authority, CertFile = first.Certificate("client"), KeyFile = first.Key("client") };
        await using var server = await NatsServer.StartAsync(first.ServerConfig(", verify: true"));
        await using var link = await TestLink.OpenAsync(server, access);

        // In the same files: another authority, and what it issued.
        await server.KillAsync();
        await Eventually.HoldsAsync(() => !link.Link.IsOpen, "it is away");
        var second = new TestCertificates(_folder);
        await server.StartAgainAsync(second.ServerConfig(", verify: true"));

        await link.Link.OpenAsync(Eventually.Patience, Ct);
        await link.Link.Connection.PingAsync(Ct);
    }

    [Fact]
    public async Task Credentials_that_are_gone_for_a_while_are_taken_up_when_they_are_back()
    {
        await using var server = await NatsServer.StartAsync(NatsIdentities.OperatorConfig);
        var content = await File.ReadAllTextAsync(NatsIdentities.CredsFile, Ct);
        var file = Put("user.creds", content);
        await using var link = await TestLink.OpenAsync(server, new BrokerAccess { CredsFile = file });

        File.Delete(file);
        await server.KillAsync();
        await server.StartAgainAsync();
        await Eventually.HoldsAsync(() => !link.Link.IsOpen, "it is away");
        Put("user.creds", content);

        await link.Link.OpenAsync(Eventually.Patience, Ct);
        Assert.Equal(NatsConnectionState.Open, link.Link.Connection.ConnectionState);
    }

    [Fact]
    public async Task What_nobody_serves_is_told_at_once()
    {
        await using var server = await NatsServer.StartAsync();
        await using var link = await TestLink.OpenAsync(server);
        var opts = new NatsSubOpts { Timeout = TimeSpan.FromHours(1) };

        await Assert.ThrowsAsync<NatsNoRespondersException>(async () => await link.Link.Connection.RequestAsync<string, string>("nobody", "x", replyOpts: opts, cancellationToken: Ct));
    }

    private static async Task RotateAsync(NatsServer server, TestLink link, string config, Action rotate)
    {
        await server.KillAsync();
        await server.StartAgainAsync(config);
        await Eventually.HoldsAsync(() => Refusals(server) >= 3, "the old credentials are refused");
        rotate();
        await link.Link.OpenAsync(Eventually.Patience, Ct);
    }

    // Of two the first is of nobody who answers.
    private static Dialer Addresses()
    {
        var (silent, usual) = (IPAddress.Parse("192.0.2.1"), new Dialer(TimeProvider.System));
        return new Dialer(TimeProvider.System)
        {
            LookUpAsync = (_, _) => Task.FromResult<IPAddress[]>([silent, IPAddress.Loopback]),
            OpenAsync = (address, ct) => address.Address.Equals(silent) ? NeverAsync(ct) : usual.OpenAsync(address, ct),
        };

        static async Task<Socket> NeverAsync(CancellationToken ct)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
            throw new SocketException((int)SocketError.TimedOut);
        }
    }

    private static int Refusals(NatsServer server) => server.Log.Split("authentication error", StringSplitOptions.None).Length - 1;

    private string Put(string name, string content)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, content);
        return path;
    }
}
