using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using NATS.Net;

namespace Connectors.EndToEnd.Tests;

/// <summary><c>connectors up</c>: the whole system from published programs and a stack file, without a checkout; and the script <c>./up</c>.</summary>
[SupportedOSPlatform("linux")]
public sealed class UpTests : IDisposable
{
    private const UnixFileMode OwnFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnFolder = OwnFile | UnixFileMode.UserExecute;

    private static readonly string Command = Path.Combine(Tools.RepositoryRoot, "artifacts/bin/Cli/release/connectors.dll");

    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("up-");

    public void Dispose() => _home.Delete(recursive: true);

    [Fact]
    public async Task It_starts_everything_runs_calls_and_leaves_nothing_behind()
    {
        await File.WriteAllTextAsync(Path.Combine(_home.FullName, "functions.yaml"), """
            version: 1.0
            provider: { name: openfaas }
            functions:
              upper:
                image: none
                environment: { fprocess: tr a-z A-Z }
            """);
        var (port, natsPort) = (Ports(), FreePort.Next());
        await using var up = Start(["--port", $"{port}", "--nats-port", $"{natsPort}"]);
        await up.LineAsync(line => line.StartsWith("Ready.", StringComparison.Ordinal), "it says that it is ready");

        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        using var answer = await http.PostAsync(new Uri("/function/upper", UriKind.Relative), new StringContent("hello"));
        Assert.Equal("HELLO", await answer.Content.ReadAsStringAsync());
        using var call = new HttpRequestMessage(HttpMethod.Post, "/async-function/upper") { Content = new StringContent("later"), Headers = { { "X-Call-Id", "one" }, { "X-Store-Result", "1h" } } };
        using var accepted = await http.SendAsync(call);
        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        await Eventually.HoldsAsync(async () => await http.GetStringAsync(new Uri("/async-function/one", UriKind.Relative)) == "LATER", "the call ran");

        var state = Path.Combine(_home.FullName, ".connectors");
        await LetsInWhoHasThePasswordAsync(natsPort, Path.Combine(state, "secrets"));
        OnlyTheUserMayRead(Path.Combine(state, "secrets"), Path.Combine(state, "gateway", "nats"));
        var password = await File.ReadAllTextAsync(Path.Combine(state, "secrets", "nats-password"));
        Assert.All(ChildrenOf(up.Id), child => Assert.DoesNotContain(password, File.ReadAllText($"/proc/{child.Id}/cmdline"), StringComparison.Ordinal));

        // A terminal's Ctrl-C is sent to its whole group: the command's alone, which stops one after the other.
        Assert.Equal(4, ChildrenOf(up.Id).Count);
        Assert.All(ChildrenOf(up.Id), child => Assert.Equal(child.Id, child.Group));

        await using var second = Start(["--port", $"{port}", "--nats-port", $"{FreePort.Next()}"]);
        Assert.Equal(2, await second.ExitAsync());
        Assert.Contains($"Port {port} is in use", second.Tail(), StringComparison.Ordinal);

        Assert.Equal(130, await up.TerminateAsync());
        foreach (var closed in new[] { port, port + 1, port + 2, port + 3, natsPort })
        {
            using var client = new TcpClient();
            await Assert.ThrowsAnyAsync<SocketException>(() => client.ConnectAsync(IPAddress.Loopback, closed));
        }
    }

    [Fact]
    public async Task A_terminal_that_is_closed_ends_it()
    {
        await File.WriteAllTextAsync(Path.Combine(_home.FullName, "functions.yaml"), "functions: {}\n");
        var natsPort = FreePort.Next();
        await using var up = Start(["--port", $"{Ports()}", "--nats-port", $"{natsPort}"]);
        await up.LineAsync(line => line.StartsWith("Ready.", StringComparison.Ordinal), "it says that it is ready");

        up.AskToReload();

        Assert.Equal(1, await up.ExitAsync());
        using var client = new TcpClient();
        await Assert.ThrowsAnyAsync<SocketException>(() => client.ConnectAsync(IPAddress.Loopback, natsPort));
    }

    [Fact]
    public async Task What_an_earlier_version_stored_is_there_behind_a_password_that_is_kept()
    {
        const string Own = "p\"q\\r";
        await File.WriteAllTextAsync(Path.Combine(_home.FullName, "functions.yaml"), "functions: {}\n");
        var state = _home.CreateSubdirectory(".connectors");
        var secrets = state.CreateSubdirectory("secrets").FullName;
        await File.WriteAllTextAsync(Path.Combine(secrets, "nats-password"), Own);

        // As a kill or a full disk leaves it.
        await File.WriteAllTextAsync(Path.Combine(secrets, "nats-user"), "");
        await StoreAsEarlierAsync(Path.Combine(state.FullName, "nats"));
        var natsPort = FreePort.Next();
        await using var up = Start(["--port", $"{Ports()}", "--nats-port", $"{natsPort}"]);
        await up.LineAsync(line => line.StartsWith("Ready.", StringComparison.Ordinal), "it says that it is ready");

        await LetsInWhoHasThePasswordAsync(natsPort, secrets);
        Assert.Equal(1, await StoredAsync(natsPort, secrets));
        Assert.Equal(Own, await File.ReadAllTextAsync(Path.Combine(secrets, "nats-password")));
        Assert.Equal(130, await up.TerminateAsync());
    }

    // Processes whose parent it is, each with its process group (proc(5)).
    private static List<(int Id, int Group)> ChildrenOf(int parent)
    {
        var children = new List<(int, int)>();
        foreach (var process in Directory.GetDirectories("/proc").Select(path => Path.GetFileName(path)).Where(name => int.TryParse(name, out _)))
        {
            try
            {
                var stat = File.ReadAllText($"/proc/{process}/stat");
                var words = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
                if (words[1] == $"{parent}")
                {
                    children.Add((int.Parse(process, CultureInfo.InvariantCulture), int.Parse(words[2], CultureInfo.InvariantCulture)));
                }
            }
            catch (IOException)
            {
                // It has ended.
            }
        }

        return children;
    }

    [Fact]
    public async Task It_says_what_is_missing()
    {
        await using var without = Start(["--port", $"{Ports()}"]);
        Assert.Equal(2, await without.ExitAsync());
        Assert.Contains("--functions names another", without.Tail(), StringComparison.Ordinal);

        await File.WriteAllTextAsync(Path.Combine(_home.FullName, "functions.yaml"), "functions: {}\n");
        await using var programless = Start(["--port", $"{Ports()}", "--nats-port", $"{FreePort.Next()}", "--programs", _home.FullName]);
        Assert.Equal(1, await programless.ExitAsync());
        Assert.Contains("gateway ended; its log is", programless.Tail(), StringComparison.Ordinal);
    }

    // A copy of it with ports of its own, before what is built already; nothing listens where the proxy should be.
    [Fact]
    public async Task The_script_goes_on_with_what_an_earlier_one_stored_and_asks_this_machine_itself_whatever_proxy_there_is()
    {
        const string Fixed = "worker_port=8081 gateway_metrics=8082 cron_port=8083";
        var script = await File.ReadAllTextAsync(Path.Combine(Tools.RepositoryRoot, "up"));
        Assert.Contains(Fixed, script, StringComparison.Ordinal);
        var port = Ports();
        var copy = Path.Combine(_home.FullName, "up");
        await File.WriteAllTextAsync(copy, script.Replace(Fixed, $"worker_port={port + 1} gateway_metrics={port + 2} cron_port={port + 3}", StringComparison.Ordinal));
        foreach (var folder in new[] { "artifacts", "samples", "tests" })
        {
            Directory.CreateSymbolicLink(Path.Combine(_home.FullName, folder), Path.Combine(Tools.RepositoryRoot, folder));
        }

        var (run, natsPort) = (Path.Combine(_home.FullName, ".run"), FreePort.Next());
        await StoreAsEarlierAsync(Path.Combine(Directory.CreateDirectory(Path.Combine(run, "data")).FullName, "nats"));
        await using var up = ChildProcess.Start(
            "bash",
            ["-c", "dotnet() { :; }; export -f dotnet; exec bash \"$0\" \"$@\"", copy, "--gateway-port", $"{port}", "--nats-port", $"{natsPort}"],
            new Dictionary<string, string>
            {
                ["http_proxy"] = "http://127.0.0.1:9",
                ["no_proxy"] = "",
                ["NO_PROXY"] = "",
                ["NATS_SERVER"] = Tools.Path("nats"),

                // As a user of their own, functions could not reach what lies below a folder that is only ours.
                ["function_isolation"] = "none",
            });

        await up.LineAsync(line => line.StartsWith("Ready.", StringComparison.Ordinal), "its call ran and was called back");
        var secrets = Path.Combine(run, "secrets");
        await LetsInWhoHasThePasswordAsync(natsPort, secrets);
        Assert.Equal(1, await StoredAsync(natsPort, secrets));
        OnlyTheUserMayRead(secrets, Path.Combine(run, "data", "gateway", "nats"));
        Assert.Equal(130, await up.TerminateAsync());
    }

    // Whoever shares the loopback finds the port: functions, and other users.
    private static async Task LetsInWhoHasThePasswordAsync(int port, string secrets)
    {
        await using var stranger = new NatsConnection(OptionsFor(port));
        var refusal = await Assert.ThrowsAsync<NatsException>(async () => await stranger.ConnectAsync());
        Assert.True(Assert.IsType<NatsServerException>(refusal.InnerException).IsAuthError);

        await using var known = new NatsConnection(OptionsFor(port, secrets));
        await known.PingAsync();
    }

    private static void OnlyTheUserMayRead(string secrets, string store)
    {
        foreach (var name in new[] { "nats-user", "nats-password", "nats.conf" })
        {
            Assert.Equal(OwnFile, File.GetUnixFileMode(Path.Combine(secrets, name)));
        }

        Assert.Equal((OwnFolder, OwnFolder), (File.GetUnixFileMode(secrets), File.GetUnixFileMode(store)));
    }

    // A store as it was when nats-server asked nobody for a password.
    private static async Task StoreAsEarlierAsync(string store)
    {
        var port = FreePort.Next();
        await using var earlier = ChildProcess.Start(Tools.Path("nats"), ["-js", "-sd", store, "-a", "127.0.0.1", "-p", $"{port}"]);
        await earlier.LineAsync(line => line.Contains("Server is ready", StringComparison.Ordinal), "nats-server is ready");
        await using (var nats = new NatsConnection(OptionsFor(port)))
        {
            var js = nats.CreateJetStreamContext();
            await js.CreateStreamAsync(new StreamConfig("KEPT", ["kept"]));
            (await js.PublishAsync("kept", "x")).EnsureSuccess();
        }

        await earlier.TerminateAsync();
    }

    private static async Task<long> StoredAsync(int port, string secrets)
    {
        await using var nats = new NatsConnection(OptionsFor(port, secrets));
        return (await nats.CreateJetStreamContext().GetStreamAsync("KEPT")).Info.State.Messages;
    }

    private static NatsOpts OptionsFor(int port, string? secrets = null) => new()
    {
        Url = $"nats://127.0.0.1:{port}",
        ConnectTimeout = Eventually.Patience,
        RequestTimeout = Eventually.Patience,
        AuthOpts = secrets is null
            ? NatsAuthOpts.Default
            : new NatsAuthOpts { Username = File.ReadAllText(Path.Combine(secrets, "nats-user")), Password = File.ReadAllText(Path.Combine(secrets, "nats-password")) },
    };

    private ChildProcess Start(IEnumerable<string> options)
    {
        var programs = _home.CreateSubdirectory("programs").FullName;
        foreach (var program in new[] { "Gateway", "QueueWorker", "CronConnector" })
        {
            var link = Path.Combine(programs, program);
            if (!Path.Exists(link))
            {
                Directory.CreateSymbolicLink(link, Path.Combine(Tools.RepositoryRoot, "artifacts/bin", program, "release"));
            }
        }

        return ChildProcess.Start(
            "sh",
            ["-c", "cd \"$0\" && exec dotnet \"$@\"", _home.FullName, Command, "up", .. options],
            new Dictionary<string, string> { ["CONNECTORS_PROGRAMS"] = programs, ["NATS_SERVER"] = Tools.Path("nats") });
    }

    // Four in a row.
    private static int Ports()
    {
        while (true)
        {
            var first = FreePort.Next();
            if (FreePort.Next() == first + 1 && FreePort.Next() == first + 2 && FreePort.Next() == first + 3)
            {
                return first;
            }
        }
    }
}
