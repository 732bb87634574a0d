using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Connectors.Cli.Starting;

/// <summary>Processes that are started in turn, each with a log of its own, and stopped in the other direction.</summary>
internal sealed class LocalSystem(string logs) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(50);

    private readonly List<(string Name, Process Process)> _started = [];
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false });

    public static async Task<bool> IsListeningAsync(int port, CancellationToken ct)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, port, ct);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    public void Start(string name, string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        // The shell gives the log to the program and becomes it, in a session of its own: a terminal's Ctrl-C is for this command alone, which stops one after the other.
        var start = new ProcessStartInfo("/bin/sh", ["-c", "exec setsid \"$0\" \"$@\" > \"$CONNECTORS_LOG\" 2>&1 < /dev/null", program, .. arguments]);
        start.Environment["CONNECTORS_LOG"] = Log(name);
        foreach (var (option, value) in environment)
        {
            start.Environment[option] = value;
        }

        _started.Add((name, Process.Start(start)!));
    }

    /// <exception cref="CommandFailure">It ended, or does not listen for a minute.</exception>
    public Task ListensAsync(string name, int port, CancellationToken ct) => ComesAsync(name, () => IsListeningAsync(port, ct), ct);

    /// <exception cref="CommandFailure">It ended, or is not ready for a minute.</exception>
    public Task IsReadyAsync(string name, int metricsPort, CancellationToken ct) => ComesAsync(
        name,
        async () =>
        {
            try
            {
                using var answer = await _http.GetAsync(new Uri($"http://127.0.0.1:{metricsPort}/readyz"), ct);
                return answer.IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        },
        ct);

    /// <summary>Waits until one of them ends, and tells which.</summary>
    public async Task<string> EndedAsync(CancellationToken ct)
    {
        await Task.WhenAny(_started.Select(one => one.Process.WaitForExitAsync(ct)));
        ct.ThrowIfCancellationRequested();
        return Ended(_started.First(one => one.Process.HasExited).Name);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        foreach (var (_, process) in Enumerable.Reverse(_started))
        {
            using (process)
            {
                if (!process.HasExited)
                {
                    using var kill = Process.Start("/bin/sh", ["-c", $"kill -TERM {process.Id}"]);
                    using var limit = new CancellationTokenSource(DrainLimit, TimeProvider.System);
                    await process.WaitForExitAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    process.Kill();
                }
            }
        }
    }

    private async Task ComesAsync(string name, Func<Task<bool>> hasCome, CancellationToken ct)
    {
        var process = _started.Single(one => one.Name == name).Process;
        var since = Stopwatch.StartNew();
        while (!await hasCome())
        {
            if (process.HasExited)
            {
                throw new CommandFailure(Ended(name));
            }

            if (since.Elapsed > Patience)
            {
                throw new CommandFailure($"{name} is not ready after a minute; its log is {Log(name)}.");
            }

            await Task.Delay(BetweenLooks, TimeProvider.System, ct);
        }
    }

    private string Ended(string name)
    {
        var last = File.Exists(Log(name)) ? File.ReadLines(Log(name)).LastOrDefault(line => line.Length > 0) : null;
        return $"{name} ended; its log is {Log(name)}{(last is null ? "" : $": {last}")}";
    }

    private string Log(string name) => Path.Combine(logs, $"{name}.log");
}
