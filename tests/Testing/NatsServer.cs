using System.Globalization;

namespace Connectors.Testing;

/// <summary>A real nats-server with JetStream on a free loopback port, with a data directory of its own.</summary>
public sealed class NatsServer : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("nats-").FullName;
    private string _config;
    private readonly bool _floor;
    private ChildProcess? _process;

    private NatsServer(int port, string config, bool floor)
    {
        Port = port;
        _config = config;
        _floor = floor;
    }

    /// <summary>The client port; the same after every restart.</summary>
    public int Port { get; }

    /// <summary>The address for clients, without credentials.</summary>
    public string Url => $"nats://127.0.0.1:{Port.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>Data directory, and where a configuration may point for files of its own.</summary>
    public string Home => _directory;

    /// <summary>The running process's id.</summary>
    public int ProcessId => Running.Id;

    /// <summary>What the server logged since its last start.</summary>
    public string Log => _process?.Tail(200) ?? "";

    /// <summary>Starts a server.</summary>
    /// <param name="config">More configuration in nats-server's own format, for example <c>authorization { token: s3cret }</c>.</param>
    /// <param name="port">The client port; null for a free one.</param>
    /// <param name="floor">The oldest nats-server that the product works with, whatever the run uses for the others.</param>
    public static async Task<NatsServer> StartAsync(string config = "", int? port = null, bool floor = false)
    {
        while (true)
        {
            var server = new NatsServer(port ?? FreePort.Next(), config, floor);
            try
            {
                await server.StartAgainAsync();
                return server;
            }
            catch (InvalidOperationException) when (port is null && server.Log.Contains("address already in use", StringComparison.Ordinal))
            {
                await server.DisposeAsync();
            }
            catch
            {
                await server.DisposeAsync();
                throw;
            }
        }
    }

    /// <summary>Starts it again after <see cref="StopAsync"/> or <see cref="KillAsync"/>, on the same port and data.</summary>
    /// <param name="config">Another configuration from now on; null for the same.</param>
    public async Task StartAgainAsync(string? config = null)
    {
        _config = config ?? _config;
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }

        _process = ChildProcess.Start(
            Tools.Path(_floor ? "nats-floor" : "nats"), ["-a", "127.0.0.1", "-p", Port.ToString(CultureInfo.InvariantCulture), "-c", await WriteConfigAsync()]);
        await _process.LineAsync(line => line.Contains("Server is ready", StringComparison.Ordinal), "nats-server is ready");
    }

    /// <summary>Takes another configuration while it runs; returns when the server says that it has.</summary>
    public async Task ReloadAsync(string config)
    {
        _config = config;
        await WriteConfigAsync();
        var reloads = Reloads();
        Running.AskToReload();
        await Eventually.HoldsAsync(() => Reloads() > reloads, () => $"the configuration is taken: {Log}");

        int Reloads() => Running.Lines.Count(line => line.Contains("Reloaded server configuration", StringComparison.Ordinal));
    }

    // JetStream is turned on here and not by flags: a server before 2.11 that reloads its configuration takes what only a flag said for turned off.
    private async Task<string> WriteConfigAsync()
    {
        var file = Path.Combine(_directory, "nats.conf");
        await File.WriteAllTextAsync(file, $"jetstream {{ store_dir: \"{Path.Combine(_directory, "data")}\" }}\n{_config}");
        return file;
    }

    /// <summary>SIGTERM.</summary>
    public async Task StopAsync() => await Running.TerminateAsync();

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync() => await Running.KillAsync();

    /// <summary>SIGSTOP: connections stay open and nothing is answered.</summary>
    public void Pause() => Running.Pause();

    /// <summary>SIGCONT.</summary>
    public void Resume() => Running.Resume();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }

        Directory.Delete(_directory, recursive: true);
    }

    private ChildProcess Running => _process ?? throw new InvalidOperationException("The server was not started.");
}
