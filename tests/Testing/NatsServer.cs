using System.Globalization;

namespace Connectors.Testing;

/// <summary>A real nats-server with JetStream on a free loopback port, with a data directory of its own.</summary>
public sealed class NatsServer : IAsyncDisposable
{
    private const string DiskOf = "the disk of process ";

    private static readonly string[] Telling = ["[WRN]", "[ERR]", "new stream leader"];

    private readonly string _directory = Directory.CreateTempSubdirectory("nats-").FullName;
    private string _config;
    private readonly bool _floor;
    private readonly string? _syncInterval;
    private readonly bool _canFill;
    private readonly List<string> _notices = [];
    private ChildProcess? _process;
    private string _disk = "";

    private NatsServer(int port, string config, bool floor, string? syncInterval, bool canFill)
    {
        Port = port;
        _config = config;
        _floor = floor;
        _syncInterval = syncInterval;
        _canFill = canFill;
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
    /// <param name="syncInterval">
    /// How often it flushes, for example <c>2m</c> or <c>always</c>: it lies on a disk that forgets what was not flushed, and <see cref="CutPowerAsync"/> may be
    /// called. Null for an ordinary disk.
    /// </param>
    /// <param name="canFill">Whether <see cref="FillDisk"/> may be called.</param>
    public static async Task<NatsServer> StartAsync(string config = "", int? port = null, bool floor = false, string? syncInterval = null, bool canFill = false)
    {
        while (true)
        {
            var server = new NatsServer(port ?? FreePort.Next(), config, floor, syncInterval, canFill);
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
            _notices.AddRange(Noticed());
        }

        string[] command = [Tools.Path(_floor ? "nats-floor" : "nats"), "-a", "127.0.0.1", "-p", Port.ToString(CultureInfo.InvariantCulture), "-c", await WriteConfigAsync()];
        string[] disk = _syncInterval is not null ? ["perl", Disk, "forgetful", Data, Kept] : _canFill ? ["perl", Disk, "fillable", Full] : [];
        command = [.. disk, .. command];
        _process = ChildProcess.Start(command[0], command[1..]);
        await _process.LineAsync(line => line.Contains("Server is ready", StringComparison.Ordinal), "nats-server is ready");
        if (disk.Length > 0)
        {
            _disk = (await _process.LineAsync(line => line.StartsWith(DiskOf, StringComparison.Ordinal), "its disk is watched")).Split(' ')[^1];
        }
    }

    /// <summary>Flushes all files, as a kernel does by itself with what was written half a minute ago.</summary>
    public async Task FlushAsync()
    {
        var flushes = Flushes();
        await File.WriteAllTextAsync(Path.Combine(Kept, "all"), "");
        await Eventually.HoldsAsync(() => Flushes() > flushes, "all is flushed");

        int Flushes() => Running.Lines.Count(line => line == "all is flushed");
    }

    /// <summary>Takes its power away: it dies at once, and its files become what they were when each was last flushed. <see cref="StartAgainAsync"/> starts it on these.</summary>
    public async Task CutPowerAsync()
    {
        await Running.KillAsync();
        await Eventually.HoldsAsync(() => !Directory.Exists($"/proc/{_disk}"), "nats-server's disk has ended with it");
        await using var cut = ChildProcess.Start("perl", [Disk, "cut", Data, Kept]);
        if (await cut.ExitAsync() != 0)
        {
            throw new InvalidOperationException(cut.Tail());
        }
    }

    /// <summary>From now on its disk has no room: no file grows, and none is made.</summary>
    public void FillDisk() => File.WriteAllText(Full, "");

    /// <summary>Its disk has room again.</summary>
    public void FreeDisk() => File.Delete(Full);

    /// <summary>What it has warned of, which errors it met and what it came to lead, its earlier starts included.</summary>
    public IReadOnlyList<string> Notices => [.. _notices, .. Noticed()];

    /// <summary>Whether it has logged something since its last start.</summary>
    public bool Says(string words) => Running.Lines.Any(line => line.Contains(words, StringComparison.Ordinal));

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
        await File.WriteAllTextAsync(file, $"jetstream {{ store_dir: \"{Data}\"{(_syncInterval is null ? "" : $", sync_interval: \"{_syncInterval}\"")} }}\n{_config}");
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

    private IEnumerable<string> Noticed() => _process?.Lines.Where(line => Telling.Any(word => line.Contains(word, StringComparison.Ordinal))) ?? [];

    private static string Disk => Path.Combine(Tools.RepositoryRoot, "tests", "Testing", "disk.pl");

    private string Data => Path.Combine(_directory, "data");

    private string Kept => Path.Combine(_directory, "kept");

    private string Full => Path.Combine(_directory, "full");

    private ChildProcess Running => _process ?? throw new InvalidOperationException("The server was not started.");
}
