using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Connectors.Testing;

/// <summary>A process that a test started: its lines are kept, and it ends with the test process at the latest.</summary>
public sealed partial class ChildProcess : IAsyncDisposable
{
    private const int HangUp = 1;
    private const int Terminate = 15;
    private const int Kill = 9;
    private const int Stop = 19;
    private const int Continue = 18;

    private static readonly TimeSpan OutputPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _lines = new();
    private bool _disposed;

    private ChildProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
    }

    /// <summary>The process's id.</summary>
    public int Id => _process.Id;

    /// <summary>Whether it has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>Its exit code, once it has ended; 128 + signal after a signal.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>Everything it wrote so far, standard output and error together.</summary>
    public IReadOnlyCollection<string> Lines => _lines;

    /// <summary>Starts a program with exactly the given environment added to (or, with <paramref name="bare"/>, replacing) ours.</summary>
    public static ChildProcess Start(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null, bool bare = false)
    {
        // setpriv lets the kernel end the child when the test process dies, however it dies (see Spawner).
        var start = new ProcessStartInfo("setpriv", ["--pdeathsig", "KILL", program, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        if (bare)
        {
            start.Environment.Clear();
            foreach (var name in new[] { "PATH", "HOME", "DOTNET_ROOT", "DOTNET_TieredPGO", "DOTNET_TC_CallCountThreshold", "DOTNET_TC_CallCountingDelayMs" })
            {
                if (Environment.GetEnvironmentVariable(name) is { } value)
                {
                    start.Environment[name] = value;
                }
            }
        }

        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        var process = new Process { StartInfo = start };
        var child = new ChildProcess(process);
        Spawner.Start(process);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return child;
    }

    /// <summary>Waits for the first line that <paramref name="matches"/>.</summary>
    public async Task<string> LineAsync(Func<string, bool> matches, string what)
    {
        string? found = null;
        await Eventually.HoldsAsync(() => (found = _lines.FirstOrDefault(matches)) is not null || HasExited, () => $"{what}; it wrote:\n{Tail()}");
        if (found is null)
        {
            await ExitAsync();
        }

        return found ?? _lines.FirstOrDefault(matches) ?? throw new InvalidOperationException($"It ended with {ExitCode} before this: {what}. It wrote:\n{Tail()}");
    }

    /// <summary>The last lines written, for messages.</summary>
    public string Tail(int lines = 30) => string.Join('\n', _lines.TakeLast(lines));

    /// <summary>SIGHUP, which many servers take for "read your configuration again".</summary>
    public void AskToReload() => Signal(HangUp);

    /// <summary>SIGTERM, then waits for the end. Returns the exit code.</summary>
    public async Task<int> TerminateAsync()
    {
        Signal(Terminate);
        return await ExitAsync();
    }

    /// <summary>SIGKILL, then waits for the end.</summary>
    public async Task KillAsync()
    {
        Signal(Kill);
        await ExitAsync();
    }

    /// <summary>SIGSTOP: the process stays, and does nothing. Returns once all of its threads have stopped, for a busy one takes its time.</summary>
    public void Pause()
    {
        Signal(Stop);
        if (!SpinWait.SpinUntil(() => Directory.GetDirectories($"/proc/{Id}/task").All(IsStopped), StopPatience))
        {
            throw new TimeoutException($"Process {Id} does not stand still after {StopPatience}.");
        }

        // The state follows the name, which stands in brackets.
        static bool IsStopped(string thread)
        {
            try
            {
                return File.ReadAllText(Path.Combine(thread, "stat")).Split(')')[^1].TrimStart().StartsWith('T');
            }
            catch (IOException)
            {
                // It ended after it was listed; the next look lists those that are left.
                return false;
            }
        }
    }

    /// <summary>SIGCONT after <see cref="Pause"/>.</summary>
    public void Resume() => Signal(Continue);

    /// <summary>Waits for the end by itself, at most for <paramref name="patience"/> if it is given. Returns the exit code.</summary>
    public async Task<int> ExitAsync(TimeSpan? patience = null)
    {
        await Eventually.HoldsAsync(() => _process.HasExited, () => $"process {Id} ends; it wrote:\n{Tail()}", patience);
        await LastLinesAsync();
        return _process.ExitCode;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await ExitAsync();
        }

        _process.Dispose();
    }

    // What it started may outlive it with its output open, so the end of the output is not waited for for ever; a busy machine may need seconds to read it.
    private async Task LastLinesAsync()
    {
        using var patience = new CancellationTokenSource(OutputPatience, TimeProvider.System);
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            Keep("(its output is still open: something that it started is running)");
        }
    }

    private void Signal(int signal)
    {
        if (!_process.HasExited)
        {
            _ = SendSignal(_process.Id, signal);
        }
    }

    private void Keep(string? line)
    {
        if (line is not null)
        {
            _lines.Enqueue(line);
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int pid, int signal);
}
