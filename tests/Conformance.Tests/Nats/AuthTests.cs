using Connectors.Testing;
using NATS.Client.Core;

namespace Connectors.Conformance.Tests.Nats;

public sealed class AuthTests : IDisposable
{
    // A busy client may take longer to log in than a server waits by itself.
    private const string Patience = "timeout: 30";
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(20);

    private readonly string _folder = Directory.CreateTempSubdirectory("nats-auth-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task User_and_password()
    {
        await using var server = await NatsServer.StartAsync($"authorization {{ user: u, password: \"p:w@d\", {Patience} }}");

        await ConnectsAsync(new NatsOpts { Url = server.Url, AuthOpts = new NatsAuthOpts { Username = "u", Password = "p:w@d" } });
        await ConnectsAsync(new NatsOpts { Url = server.Url.Replace("nats://", "nats://u:p%3Aw%40d@", StringComparison.Ordinal) });
        await IsRefusedAsync(new NatsOpts { Url = server.Url, AuthOpts = new NatsAuthOpts { Username = "u", Password = "wrong" } });
        await IsRefusedAsync(new NatsOpts { Url = server.Url });
    }

    [Fact]
    public async Task Token()
    {
        await using var server = await NatsServer.StartAsync($"authorization {{ token: s3cret, {Patience} }}");

        await ConnectsAsync(new NatsOpts { Url = server.Url, AuthOpts = new NatsAuthOpts { Token = "s3cret" } });
        await ConnectsAsync(new NatsOpts { Url = server.Url.Replace("nats://", "nats://s3cret@", StringComparison.Ordinal) });
        await IsRefusedAsync(new NatsOpts { Url = server.Url, AuthOpts = new NatsAuthOpts { Token = "other" } });
    }

    [Fact]
    public async Task Nkey_whose_public_half_follows_from_the_seed()
    {
        await using var server = await NatsServer.StartAsync(NatsIdentities.NkeyConfig.Replace("authorization {", $"authorization {{ {Patience},", StringComparison.Ordinal));
        await ConnectsAsync(Asking(server, NatsAuthCred.FromNkey(NatsIdentities.Seed)));
        await IsRefusedAsync(Asking(server, NatsAuthCred.FromNkey(NatsIdentities.StrangersSeed)));
    }

    [Fact]
    public async Task Credentials_file()
    {
        await using var server = await NatsServer.StartAsync($"{NatsIdentities.OperatorConfig}\nauthorization {{ {Patience} }}");
        var file = NatsIdentities.CredsFile;
        var lines = await File.ReadAllLinesAsync(file);

        await ConnectsAsync(Asking(server, NatsAuthCred.FromCredsFile(file)));
        await IsRefusedAsync(new NatsOpts { Url = server.Url, AuthOpts = new NatsAuthOpts { Jwt = lines[1], Seed = NatsIdentities.Seed } });
        await IsRefusedAsync(new NatsOpts { Url = server.Url });
    }

    [Fact]
    public async Task A_subject_that_is_not_permitted_does_not_cost_the_connection()
    {
        await using var server = await NatsServer.StartAsync($"authorization {{ user: u, password: p, {Patience}, permissions {{ publish: \"mine.>\", subscribe: [\"mine.>\", \"_INBOX.>\"] }} }}");
        await using var nats = new NatsConnection(new NatsOpts { Url = server.Url, AuthOpts = new NatsAuthOpts { Username = "u", Password = "p" }, ConnectTimeout = ConnectTimeout });
        await using var sub = await nats.SubscribeCoreAsync<string>("mine.a");

        await nats.PublishAsync("yours.a", "x");
        await nats.PublishAsync("mine.a", "y");

        Assert.Equal("y", (await sub.Msgs.ReadAsync()).Data);
        Assert.Equal(NatsConnectionState.Open, nats.ConnectionState);
    }

    [Fact]
    public async Task Tls_with_a_certificate_of_a_known_authority()
    {
        var certificates = new TestCertificates(_folder);
        await using var server = await NatsServer.StartAsync(certificates.ServerConfig());

        await ConnectsAsync(new NatsOpts { Url = server.Url, TlsOpts = new NatsTlsOpts { CaFile = certificates.Authority } });
        await ConnectsAsync(new NatsOpts { Url = server.Url, TlsOpts = new NatsTlsOpts { InsecureSkipVerify = true } });
        await FailsAsync(new NatsOpts { Url = server.Url });
        await FailsAsync(new NatsOpts { Url = server.Url, TlsOpts = new NatsTlsOpts { Mode = TlsMode.Disable } });
    }

    [Fact]
    public async Task Tls_with_a_client_certificate()
    {
        var certificates = new TestCertificates(_folder);
        await using var server = await NatsServer.StartAsync(certificates.ServerConfig(", verify: true"));

        await ConnectsAsync(new NatsOpts
        {
            Url = server.Url.Replace("nats://", "tls://", StringComparison.Ordinal),
            TlsOpts = new NatsTlsOpts { CaFile = certificates.Authority, CertFile = certificates.Certificate("client"), KeyFile = certificates.Key("client") },
        });
        await FailsAsync(new NatsOpts { Url = server.Url, TlsOpts = new NatsTlsOpts { CaFile = certificates.Authority } });
    }

    [Fact]
    public async Task Tls_before_the_greeting()
    {
        var certificates = new TestCertificates(_folder);
        await using var server = await NatsServer.StartAsync(certificates.ServerConfig(", handshake_first: true"));

        await ConnectsAsync(new NatsOpts { Url = server.Url, TlsOpts = new NatsTlsOpts { CaFile = certificates.Authority, Mode = TlsMode.Implicit } });
    }

    [Fact]
    public async Task Tls_that_is_required_is_not_given_up()
    {
        await using var server = await NatsServer.StartAsync();

        await FailsAsync(new NatsOpts { Url = server.Url, TlsOpts = new NatsTlsOpts { Mode = TlsMode.Require } });
        await FailsAsync(new NatsOpts { Url = server.Url.Replace("nats://", "tls://", StringComparison.Ordinal) });
    }

    private static NatsOpts Asking(NatsServer server, NatsAuthCred credentials) =>
        new() { Url = server.Url, AuthOpts = new NatsAuthOpts { AuthCredCallback = (_, _) => ValueTask.FromResult(credentials) } };

    private static async Task ConnectsAsync(NatsOpts opts)
    {
        await using var nats = new NatsConnection(opts with { ConnectTimeout = ConnectTimeout });
        await using var sub = await nats.SubscribeCoreAsync<string>("a");

        await nats.PublishAsync("a", new string('x', 100_000));

        Assert.Equal(100_000, (await sub.Msgs.ReadAsync()).Data!.Length);
    }

    private static async Task IsRefusedAsync(NatsOpts opts)
    {
        var exception = await FailsAsync(opts);

        Assert.True(Assert.IsType<NatsServerException>(exception.InnerException).IsAuthError);
    }

    private static async Task<NatsException> FailsAsync(NatsOpts opts)
    {
        await using var nats = new NatsConnection(opts with { ConnectTimeout = ConnectTimeout });

        var exception = await Assert.ThrowsAsync<NatsException>(async () => await nats.ConnectAsync());

        Assert.Equal(NatsConnectionState.Closed, nats.ConnectionState);
        return exception;
    }
}
