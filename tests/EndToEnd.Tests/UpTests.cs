using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Connectors.Testing;

namespace Connectors.EndToEnd.Tests;

/// <summary><c>connectors up</c>: the whole system from published programs and a stack file, without a checkout; and the script <c>./up</c>.</summary>
public sealed class UpTests : IDisposable
{
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
    public async Task The_script_asks_this_machine_itself_whatever_proxy_there_is()
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

        await using var up = ChildProcess.Start(
            "bash",
            ["-c", "dotnet() { :; }; export -f dotnet; exec bash \"$0\" \"$@\"", copy, "--gateway-port", $"{port}", "--nats-port", $"{FreePort.Next()}"],
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
        Assert.Equal(130, await up.TerminateAsync());
    }

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
