using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Connectors.Provider.Processes;

/// <summary>A process in a session of its own, with an environment of its own; what it starts is ended with it, and it ends with the gateway, however that ends.</summary>
internal sealed partial class ProcessGroup : IDisposable
{
    private const int Kill = 9;
    private const int Terminate = 15;
    private const int ArgumentsTooLong = 7;

    // Children that left the group and the session still carry this variable, unless they cleared their environment.
    private const string RunVariable = "CONNECTORS_RUN";
    private const int MaxRounds = 10;

    private readonly Process _process;
    private readonly string _run;
    private readonly bool _endsAsOne;

    private ProcessGroup(Process process, string run, bool endsAsOne)
    {
        _process = process;
        _run = run;
        _endsAsOne = endsAsOne;
    }

    public int Id => _process.Id;

    public Stream Input => _process.StandardInput.BaseStream;

    /// <summary>Reading ends with <see cref="IOException"/> or <see cref="ObjectDisposedException"/> when this is disposed.</summary>
    public Stream Output => _process.StandardOutput.BaseStream;

    public Stream Errors => _process.StandardError.BaseStream;

    /// <summary>Valid after <see cref="ExitedAsync"/>; above 128 it stands for a signal.</summary>
    public int ExitCode => _process.ExitCode;

    public bool HasExited => _process.HasExited;

    /// <summary>Starts a command. Null means that its environment is larger than the system allows.</summary>
    public static async Task<ProcessGroup?> StartAsync(ProcessPlan plan)
    {
        var start = new ProcessStartInfo(plan.Command[0], plan.Command.Skip(1))
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = plan.Folder,
        };
        var run = Guid.NewGuid().ToString("N");
        start.Environment.Clear();
        foreach (var (name, value) in plan.Environment)
        {
            start.Environment[name] = value;
        }

        start.Environment[RunVariable] = run;
        try
        {
            return new ProcessGroup(await Spawner.StartAsync(start), run, plan.EndsAsOne);
        }
        catch (Win32Exception fault) when (fault.NativeErrorCode == ArgumentsTooLong)
        {
            return null;
        }
    }

    public Task ExitedAsync(CancellationToken ct) => _process.WaitForExitAsync(ct);

    /// <summary>Asks the process and its group to end.</summary>
    public void AskToEnd() => _ = SendSignal(-_process.Id, Terminate);

    /// <summary>Ends at once what the process left behind in its group when it exited.</summary>
    public void EndLeftovers() => _ = SendSignal(-_process.Id, Kill);

    /// <summary>Ends the process and everything that it started, at once: its group, and children that made groups or sessions of their own.</summary>
    public void End()
    {
        // Whoever is being ended may still start another: looked for until nobody is found.
        for (var round = 0; round < MaxRounds; round++)
        {
            var strays = _endsAsOne ? [] : Descendants.Of(_process.Id, $"{RunVariable}={_run}");
            EndLeftovers();
            if (!_process.HasExited)
            {
                // Before setsid has run there is no group yet, only the process.
                _ = SendSignal(_process.Id, Kill);
            }

            foreach (var stray in strays)
            {
                _ = SendSignal(stray, Kill);
            }

            if (strays.Count == 0)
            {
                return;
            }
        }
    }

    public void Dispose()
    {
        // A process leaves to its finalizer what was once asked for.
        Input.Dispose();
        Output.Dispose();
        Errors.Dispose();
        _process.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int pid, int signal);
}
