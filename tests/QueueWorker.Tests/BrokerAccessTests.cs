using Connectors.Sdk.Hosting;
using Connectors.Testing;

namespace Connectors.QueueWorker.Tests;

/// <summary>The worker against servers that want to know who it is: with the right proof it becomes ready, with a wrong one it says what is wrong and is not.</summary>
public sealed class BrokerAccessTests : IDisposable
{
    private const string Refused = "Authorization Violation";

    private readonly string _folder = Directory.CreateTempSubdirectory("access-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task User_and_password()
    {
        await using var server = await NatsServer.StartAsync("authorization { user: u, password: \"p w\" }");
        (string, string)[] user = [("secret_mount_path", _folder), ("nats_user_file", Put("user", "u\n"))];

        await BecomesReadyAsync(server, [.. user, ("nats_password_file", Put("password", "p w\n"))]);
        await IsRefusedAsync(server, Refused, [.. user, ("nats_password_file", Put("wrong", "w p\n"))]);
    }

    [Fact]
    public async Task Token()
    {
        await using var server = await NatsServer.StartAsync("authorization { token: s3cret }");

        await BecomesReadyAsync(server, ("nats_token_file", Put("token", "s3cret")));
        await IsRefusedAsync(server, Refused, ("nats_token_file", Put("wrong", "secret")));
    }

    [Fact]
    public async Task Nkey()
    {
        await using var server = await NatsServer.StartAsync(NatsIdentities.NkeyConfig);

        await BecomesReadyAsync(server, ("nats_nkey_file", Put("user.nk", NatsIdentities.Seed + "\n")));
        await IsRefusedAsync(server, Refused, ("nats_nkey_file", Put("wrong.nk", NatsIdentities.StrangersSeed)));
    }

    [Fact]
    public async Task Credentials_file_of_a_user_under_an_operator()
    {
        await using var server = await NatsServer.StartAsync(NatsIdentities.OperatorConfig);
        var wrong = (await File.ReadAllTextAsync(NatsIdentities.CredsFile)).Replace(NatsIdentities.StrangersSeed, NatsIdentities.Seed, StringComparison.Ordinal);

        await BecomesReadyAsync(server, ("nats_creds_file", NatsIdentities.CredsFile));
        await IsRefusedAsync(server, Refused, ("nats_creds_file", Put("wrong.creds", wrong)));
    }

    [Fact]
    public async Task A_client_certificate()
    {
        var certificates = new TestCertificates(_folder);
        await using var server = await NatsServer.StartAsync(certificates.ServerConfig(", verify: true"));
        (string, string)[] authority = [("nats_tls", "require"), ("nats_tls_ca_file", certificates.Authority)];

        await BecomesReadyAsync(server, [.. authority, ("nats_tls_cert_file", certificates.Certificate("client")), ("nats_tls_key_file", certificates.Key("client"))]);
        await IsRefusedAsync(server, "certificate required", authority);
    }

    [Fact]
    public async Task A_server_whose_authority_is_not_known()
    {
        var certificates = new TestCertificates(_folder);
        await using var server = await NatsServer.StartAsync(certificates.ServerConfig());

        await IsRefusedAsync(server, "certificate", ("nats_tls", "require"));
    }

    [Fact]
    public void Proofs_that_do_not_go_together_are_faults()
    {
        Assert.Contains("nats_password_file", Faults(("nats_user_file", Put("user", "u"))), StringComparison.Ordinal);
        Assert.Contains("nats_tls_key_file", Faults(("nats_tls_cert_file", Put("cert", "c"))), StringComparison.Ordinal);
        Assert.Contains("SU...", Faults(("nats_nkey_file", Put("half", NatsIdentities.PublicKey))), StringComparison.Ordinal);
        Assert.Contains("only one of", Faults(("nats_token_file", Put("token", "t")), ("nats_nkey_file", Put("nkey", NatsIdentities.KeyFile))), StringComparison.Ordinal);
    }

    private static string Faults(params (string Name, string Value)[] options)
    {
        var settings = new Settings(options.ToDictionary(o => o.Name, o => o.Value));
        QueueWorkerOptions.Read(settings);
        return Assert.Single(settings.Errors);
    }

    private static async Task BecomesReadyAsync(NatsServer server, params (string Name, string Value)[] options)
    {
        await using var worker = await ServiceProcess.StartAsync("QueueWorker", Options(server, options));

        Assert.Equal(0, await worker.TerminateAsync());
    }

    private static async Task IsRefusedAsync(NatsServer server, string reason, params (string Name, string Value)[] options)
    {
        await using var worker = await ServiceProcess.StartAsync("QueueWorker", Options(server, options), ready: false);

        var line = await worker.Process.LineAsync(l => l.Contains("cannot be reached", StringComparison.Ordinal) && l.Contains(reason, StringComparison.OrdinalIgnoreCase), $"the worker says: {reason}");
        Assert.Contains($"127.0.0.1:{server.Port}", line, StringComparison.Ordinal);
        Assert.Equal(0, await worker.TerminateAsync());
    }

    private static Dictionary<string, string> Options(NatsServer server, (string Name, string Value)[] options)
    {
        var all = options.ToDictionary(o => o.Name, o => o.Value);
        (all["nats_host"], all["nats_port"], all["gateway_url"]) = ("127.0.0.1", server.Port.ToString(), "http://127.0.0.1:1");
        return all;
    }

    private string Put(string name, string content)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, content);
        return path;
    }
}
