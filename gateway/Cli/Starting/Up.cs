using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Connectors.Cli.Printing;

namespace Connectors.Cli.Starting;

/// <summary><c>up</c>: the system on this machine from published programs, until it is interrupted.</summary>
internal static class Up
{
    private const string Loopback = "127.0.0.1";

    private static readonly Option<string> Functions = new Option<string>("--functions")
    {
        Description = "The functions, as faas-cli's stack file",
        HelpName = "FILE",
        DefaultValueFactory = _ => "functions.yaml",
    }.NamesPath();

    private static readonly Option<string> State = new Option<string>("--state")
    {
        Description = "Where data, secrets and logs lie",
        HelpName = "FOLDER",
        DefaultValueFactory = _ => ".connectors",
    }.NamesPath();

    private static readonly Option<string> Programs = new Option<string>("--programs")
    {
        Description = "Where the published programs are: Gateway, QueueWorker and CronConnector, each in a folder of its name; CONNECTORS_PROGRAMS, or ~/.connectors/programs, unless given",
        HelpName = "FOLDER",
        DefaultValueFactory = _ => FromEnvironment("CONNECTORS_PROGRAMS") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".connectors", "programs"),
    }.NamesPath();

    private static readonly Option<string> NatsServer = new Option<string>("--nats-server")
    {
        Description = "The program nats-server; NATS_SERVER, or the one that is found on the PATH, unless given",
        HelpName = "FILE",
        DefaultValueFactory = _ => FromEnvironment("NATS_SERVER") ?? "nats-server",
    }.NamesPath();

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

        var ports = new Ports(parsed.GetValue(Port), parsed.GetValue(NatsPort));
        foreach (var taken in ports.All)
        {
            await NeedFreeAsync(taken, ct);
        }

        var state = Directory.CreateDirectory(Path.GetFullPath(parsed.GetValue(State)!)).FullName;
        var secrets = Path.Combine(state, "secrets");
        var data = Path.Combine(state, "gateway");
        LocalSecrets.Make(secrets);
        var nats = NatsArguments(ports, StoreIn(data, state), LocalSecrets.WriteNatsConfig(secrets));
        var programs = parsed.GetValue(Programs)!;
        await using var system = new LocalSystem(Directory.CreateDirectory(Path.Combine(state, "logs")).FullName);
        system.Start("nats-server", parsed.GetValue(NatsServer)!, nats, new Dictionary<string, string>());
        await system.ListensAsync("nats-server", ports.Nats, ct);
        Start("gateway", "Gateway", GatewayOptions(ports, functions, data));
        Start("queue-worker", "QueueWorker", WorkerOptions(ports));
        Start("cron-connector", "CronConnector", CronOptions(ports));
        await system.IsReadyAsync("gateway", ports.GatewayMetrics, ct);
        await system.IsReadyAsync("queue-worker", ports.WorkerMetrics, ct);
        await system.IsReadyAsync("cron-connector", ports.CronMetrics, ct);

        var password = Path.Combine(secrets, LocalSecrets.Password);
        parsed.InvocationConfiguration.Output.Report($"""
            Gateway   {ports.GatewayUrl}/function/NAME, {ports.GatewayUrl}/async-function/NAME
            Page      {ports.GatewayUrl}/ui/   (admin, and what is in {password})
            NATS      nats://{Loopback}:{ports.Nats}   (user and password are in {Path.Combine(secrets, LocalSecrets.NatsUser)} and {LocalSecrets.NatsPassword})
            Logs      {Path.Combine(state, "logs")}
            Commands  export OPENFAAS_URL={ports.GatewayUrl} OPENFAAS_PASSWORD=$(cat {password}); connectors list
            Ready. Ctrl-C stops it.
            """);
        throw new CommandFailure(await system.EndedAsync(ct));

        void Start(string name, string program, Dictionary<string, string> options)
        {
            options["secret_mount_path"] = secrets;
            options["nats_user_file"] = LocalSecrets.NatsUser;
            options["nats_password_file"] = LocalSecrets.NatsPassword;
            system.Start(name, Path.Combine(programs, program, program), [], options);
        }
    }

    // Below what the gateway hides from functions, for calls lie there with their bodies. Earlier versions had it beside that.
    [SupportedOSPlatform("linux")]
    private static string StoreIn(string data, string state)
    {
        var (store, earlier) = (Path.Combine(data, "nats"), Path.Combine(state, "nats"));
        Directory.CreateDirectory(data);
        if (Directory.Exists(earlier) && !Directory.Exists(store))
        {
            Directory.Move(earlier, store);
        }

        LocalSecrets.MakeFolder(store);
        return store;
    }

    private static string[] NatsArguments(Ports ports, string store, string config) => ["-c", config, "-js", "-sd", store, "-a", Loopback, "-p", Text(ports.Nats)];

    private static Dictionary<string, string> GatewayOptions(Ports ports, string functions, string data) => new()
    {
        ["port"] = Text(ports.Gateway),
        ["metrics_port"] = Text(ports.GatewayMetrics),
        ["faas_nats_address"] = Loopback,
        ["faas_nats_port"] = Text(ports.Nats),
        ["functions_path"] = functions,
        ["data_path"] = data,
        ["basic_auth"] = "true",
    };

    private static Dictionary<string, string> WorkerOptions(Ports ports) => new()
    {
        ["metrics_port"] = Text(ports.WorkerMetrics),
        ["nats_host"] = Loopback,
        ["nats_port"] = Text(ports.Nats),
        ["gateway_url"] = ports.GatewayUrl,
        ["callback_allow"] = Loopback,
    };

    private static Dictionary<string, string> CronOptions(Ports ports) => new()
    {
        ["metrics_port"] = Text(ports.CronMetrics),
        ["nats_host"] = Loopback,
        ["nats_port"] = Text(ports.Nats),
        ["gateway_url"] = ports.GatewayUrl,
        ["basic_auth"] = "true",
    };

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

    private static string? FromEnvironment(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private sealed record Ports(int Gateway, int Nats)
    {
        public int WorkerMetrics => Gateway + 1;

        public int GatewayMetrics => Gateway + 2;

        public int CronMetrics => Gateway + 3;

        public IEnumerable<int> All => [Gateway, WorkerMetrics, GatewayMetrics, CronMetrics, Nats];

        public string GatewayUrl => $"http://{Loopback}:{Gateway}";
    }
}
