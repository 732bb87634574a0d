using System.ComponentModel;
using System.Diagnostics;
using System.IO.Pipes;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Connectors.Provider.Processes;

/// <summary>A process in a session of its own, with an environment of its own; what it starts is ended with it, and it ends with the gateway, however that ends.</summary>
internal sealed partial class ProcessGroup : IDisposable
{
    private const int Kill = 9;
    private const int Terminate = 15;
    private const int ArgumentsTooLong = 7;
    private const nuint BytesUnread = 0x541B;

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

    /// <summary>Whether there is something in it that nobody has read yet.</summary>
    public bool HasUnreadOutput => Output is PipeStream pipe && Ask(pipe.SafePipeHandle, BytesUnread, out var bytes) == 0 && bytes > 0;

    public Stream Errors => _process.StandardError.BaseStream;

    /// <summary>Valid after <see cref="ExitedAsync"/>; above 128 it stands for a signal.</summary>
    public int ExitCode => _process.ExitCode;

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

        // Children that left the group and the session still carry it, unless they cleared their environment.
        start.Environment[Descendants.Variable] = run;
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

    /// <summary>For one that has exited: ends what it left behind, at once in its group, and soon whoever left that.</summary>
    public void EndLeftovers()
    {
        EndGroup();
        if (!_endsAsOne)
        {
            Reaper.EndLater(_run);
        }
    }

    /// <summary>
    /// Ends the process and everything that it started: its group, and children that made groups or sessions of their own. Before that has ended this may not
    /// be disposed of.
    /// </summary>
    public Task EndAsync()
    {
        if (!_endsAsOne)
        {
            return Reaper.EndAsync(_process.Id, _run, EndAll);
        }

        EndAll();
        return Task.CompletedTask;
    }

    /// <summary>Ends a process of any kind.</summary>
    public static void EndOne(int id) => _ = SendSignal(id, Kill);

    public void Dispose()
    {
        // A process leaves to its finalizer what was once asked for.
        Input.Dispose();
        Output.Dispose();
        Errors.Dispose();
        _process.Dispose();
    }

    private void EndGroup() => _ = SendSignal(-_process.Id, Kill);

    private void EndAll()
    {
        EndGroup();
        if (!_process.HasExited)
        {
            // Before setsid has run there is no group yet, only the process.
            EndOne(_process.Id);
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static partial int Ask(SafePipeHandle pipe, nuint what, out int answer);
}
