using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using Connectors.Cli.Printing;

namespace Connectors.Cli.Starting;

/// <summary><c>up</c>: the system on this machine from published programs, until it is interrupted.</summary>
internal static class Up
{
    private const string Loopback = "127.0.0.1";

    private static readonly Option<string> Functions = new("--functions")
    {
        Description = "The functions, as faas-cli's stack file",
        HelpName = "FILE",
        DefaultValueFactory = _ => "functions.yaml",
    };

    private static readonly Option<string> State = new("--state")
    {
        Description = "Where data, secrets and logs lie",
        HelpName = "FOLDER",
        DefaultValueFactory = _ => ".connectors",
    };

    private static readonly Option<string> Programs = new("--programs")
    {
        Description = "Where the published programs are: Gateway, QueueWorker and CronConnector, each in a folder of its name; CONNECTORS_PROGRAMS, or ~/.connectors/programs, unless given",
        HelpName = "FOLDER",
        DefaultValueFactory = _ => FromEnvironment("CONNECTORS_PROGRAMS") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".connectors", "programs"),
    };

    private static readonly Option<string> NatsServer = new("--nats-server")
    {
        Description = "The program nats-server; NATS_SERVER, or the one that is found on the PATH, unless given",
        HelpName = "FILE",
        DefaultValueFactory = _ => FromEnvironment("NATS_SERVER") ?? "nats-server",
    };

    private static readonly Option<int> Port = new("--port")
    {
        Description = "Port of the gateway; the three behind it are for metrics",
        HelpName = "PORT",
        DefaultValueFactory = _ => 8080,
    };

    private static readonly Option<int> NatsPort = new("--nats-port") { Description = "Port of nats-server", HelpName = "PORT", DefaultValueFactory = _ => 4222 };

    public static Command Create()
    {
        var command = new Command("up", "Starts gateway, queue-worker, cron-connector and nats-server on this machine, with the functions of a file, until Ctrl-C")
        {
            Functions,
            State,
            Programs,
            NatsServer,
            Port,
            NatsPort,
        };
        command.DoesAlone(UntilHangUpAsync);
        return command;
    }

    // A terminal that is closed is an end like any other.
    private static async Task UntilHangUpAsync(ParseResult parsed, CancellationToken ct)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(ct);
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal =>
        {
            signal.Cancel = true;
            ending.Cancel();
        });
        try
        {
            await RunAsync(parsed, ending.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested && ending.IsCancellationRequested)
        {
            throw new CommandFailure("The terminal was closed.");
        }
    }

    private static async Task RunAsync(ParseResult parsed, CancellationToken ct)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw CommandFailure.Usage("The gateway's own functions run on Linux only.");
        }

        var functions = Path.GetFullPath(parsed.GetValue(Functions)!);
        if (!File.Exists(functions))
        {
            throw CommandFailure.Usage($"There is no file {functions}; --functions names another.");
        }

        var (port, natsPort) = (parsed.GetValue(Port), parsed.GetValue(NatsPort));
        var (workerMetrics, gatewayMetrics, cronMetrics) = (port + 1, port + 2, port + 3);
        foreach (var taken in new[] { port, workerMetrics, gatewayMetrics, cronMetrics, natsPort })
        {
            await NeedFreeAsync(taken, ct);
        }

        var state = Directory.CreateDirectory(Path.GetFullPath(parsed.GetValue(State)!)).FullName;
        var secrets = Secrets(state);
        var programs = parsed.GetValue(Programs)!;
        var gateway = $"http://{Loopback}:{port}";
        await using var system = new LocalSystem(Directory.CreateDirectory(Path.Combine(state, "logs")).FullName);

        system.Start("nats-server", parsed.GetValue(NatsServer)!, ["-js", "-sd", Path.Combine(state, "nats"), "-a", Loopback, "-p", Text(natsPort)], new Dictionary<string, string>());
        await system.ListensAsync("nats-server", natsPort, ct);
        Start("gateway", "Gateway", new()
        {
            ["port"] = Text(port),
            ["metrics_port"] = Text(gatewayMetrics),
            ["faas_nats_address"] = Loopback,
            ["faas_nats_port"] = Text(natsPort),
            ["functions_path"] = functions,
            ["data_path"] = Path.Combine(state, "gateway"),
            ["basic_auth"] = "true",
        });
        Start("queue-worker", "QueueWorker", new()
        {
            ["metrics_port"] = Text(workerMetrics),
            ["nats_host"] = Loopback,
            ["nats_port"] = Text(natsPort),
            ["gateway_url"] = gateway,
            ["callback_allow"] = Loopback,
        });
        Start("cron-connector", "CronConnector", new()
        {
            ["metrics_port"] = Text(cronMetrics),
            ["nats_host"] = Loopback,
            ["nats_port"] = Text(natsPort),
            ["gateway_url"] = gateway,
            ["basic_auth"] = "true",
        });
        await system.IsReadyAsync("gateway", gatewayMetrics, ct);
        await system.IsReadyAsync("queue-worker", workerMetrics, ct);
        await system.IsReadyAsync("cron-connector", cronMetrics, ct);

        var password = Path.Combine(secrets, "basic-auth-password");
        parsed.InvocationConfiguration.Output.Report($"""
            Gateway   {gateway}/function/NAME, {gateway}/async-function/NAME
            Page      {gateway}/ui/   (admin, and what is in {password})
            Logs      {Path.Combine(state, "logs")}
            Commands  export OPENFAAS_URL={gateway} OPENFAAS_PASSWORD=$(cat {password}); connectors list
            Ready. Ctrl-C stops it.
            """);
        throw new CommandFailure(await system.EndedAsync(ct));

        void Start(string name, string program, Dictionary<string, string> options)
        {
            options["secret_mount_path"] = secrets;
            system.Start(name, Path.Combine(programs, program, program), [], options);
        }
    }

    private static async Task NeedFreeAsync(int port, CancellationToken ct)
    {
        if (port is < 1 or > 65_535)
        {
            throw CommandFailure.Usage($"{port} is no port: 1 to 65535.");
        }

        if (await LocalSystem.IsListeningAsync(port, ct))
        {
            throw CommandFailure.Usage($"Port {port} is in use; --port and --nats-port choose others.");
        }
    }

    [SupportedOSPlatform("linux")]
    private static string Secrets(string state)
    {
        var folder = Directory.CreateDirectory(Path.Combine(state, "secrets"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute).FullName;
        Keep("basic-auth-user", "admin");
        Keep("basic-auth-password", RandomNumberGenerator.GetHexString(32, lowercase: true));
        return folder;

        void Keep(string name, string text)
        {
            var file = Path.Combine(folder, name);
            if (!File.Exists(file))
            {
                File.WriteAllText(file, text);
            }
        }
    }

    private static string? FromEnvironment(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
