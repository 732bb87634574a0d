using System.Globalization;
using System.Text.RegularExpressions;

namespace Connectors.Testing;

/// <summary>A real RabbitMQ with its epmd, on free loopback ports, with a data directory of its own. Its user is <c>guest</c>, password <c>guest</c>.</summary>
public sealed class RabbitMqServer : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("rabbitmq-").FullName;
    private readonly int _epmdPort = FreePort.Next();
    private readonly int _nodePort = FreePort.Next();
    private readonly string[] _settings;
    private ChildProcess? _epmd;
    private ChildProcess? _broker;

    private RabbitMqServer(string[] settings) => _settings = settings;

    /// <summary>The port of AMQP; the same after every restart.</summary>
    public int Port { get; } = FreePort.Next();

    /// <summary>The port of its management's API, if it was started with one.</summary>
    public int ManagementPort { get; private init; }

    /// <summary>The address for clients, without credentials.</summary>
    public string Url => $"amqp://127.0.0.1:{Text(Port)}";

    /// <summary>What the broker logged since its last start.</summary>
    public string Log => _broker?.Tail(200) ?? "";

    /// <summary>Starts a server.</summary>
    /// <param name="settings">More of its settings, as in its rabbitmq.conf: <c>consumer_timeout = 1000</c>.</param>
    public static Task<RabbitMqServer> StartAsync(params string[] settings) => StartAsync(new RabbitMqServer(settings));

    /// <summary>Starts a server with the API of its management.</summary>
    public static Task<RabbitMqServer> StartWithManagementAsync()
    {
        var port = FreePort.Next();
        return StartAsync(new RabbitMqServer(["management.tcp.ip = 127.0.0.1", $"management.tcp.port = {Text(port)}"]) { ManagementPort = port });
    }

    /// <summary>Starts the broker again after <see cref="KillAsync"/>, on the same port and data.</summary>
    public Task StartAgainAsync() => Eventually.HoldsAsync(BrokerStartsAsync, () => $"RabbitMQ is started; it wrote:\n{Log}");

    /// <summary>SIGKILL to the broker.</summary>
    public async Task KillAsync() => await Broker.KillAsync();

    /// <summary>SIGSTOP: connections stay open and nothing is answered.</summary>
    public void Pause() => Broker.Pause();

    /// <summary>SIGCONT.</summary>
    public void Resume() => Broker.Resume();

    /// <summary>Waits until no queue has a message, not even one that was delivered and is not acked.</summary>
    public Task HasNothingAsync() => Eventually.HoldsAsync(
        async () => Regex.IsMatch(await CallAsync("rabbit_amqqueue, info_all, [<<\"/\">>, [messages]]"), @"^\[(\[\{messages,0\}\],?)+\]$"),
        "no message is left");

    /// <summary>Has it, or has it not, lack memory: it then takes nothing that is written, and reads no more from connections that write.</summary>
    public async Task LackMemoryAsync(bool isLacking)
    {
        await CallAsync($"vm_memory_monitor, set_vm_memory_high_watermark, [{(isLacking ? "0.0001" : "0.9")}]");
        await Eventually.HoldsAsync(async () => (await CallAsync("rabbit_alarm, get_alarms, []")).Contains("memory", StringComparison.Ordinal) == isLacking, $"its alarm is {isLacking}");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await EndAsync(_broker);
        await EndAsync(_epmd);
        Directory.Delete(_directory, recursive: true);
    }

    private static async Task<RabbitMqServer> StartAsync(RabbitMqServer server)
    {
        Tools.Path("rabbitmq");
        try
        {
            server._epmd = ChildProcess.Start(Serve, ["epmd", Text(server._epmdPort)]);
            await server.StartAgainAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    private static string Serve => Path.Combine(Tools.RepositoryRoot, "tests", "Testing", "servers", "rabbitmq", "serve");

    private ChildProcess Broker => _broker ?? throw new InvalidOperationException("The broker was not started.");

    private async Task<string> CallAsync(string function)
    {
        await using var call = ChildProcess.Start(Serve, ["call", _directory, Text(_epmdPort), function]);
        return await call.ExitAsync() == 0 ? string.Join('\n', call.Lines) : throw new InvalidOperationException($"{function}: {call.Tail()}");
    }

    // Its epmd may still know the node that was killed, and then the new one ends.
    private async Task<bool> BrokerStartsAsync()
    {
        await EndAsync(_broker);
        _broker = ChildProcess.Start(Serve, ["broker", Text(Port), _directory, Text(_epmdPort), Text(_nodePort), .. _settings]);
        await _broker.LineAsync(line => line.Contains("Server startup complete", StringComparison.Ordinal), "RabbitMQ is started");
        return true;
    }

    private static ValueTask EndAsync(ChildProcess? process) => process?.DisposeAsync() ?? ValueTask.CompletedTask;

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
