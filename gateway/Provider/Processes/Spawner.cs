using System.Collections.Concurrent;
using System.Diagnostics;

namespace Connectors.Provider.Processes;

/// <summary>
/// Starts processes from one thread that lives as long as the gateway: the kernel ends a process that asked for it when the thread that
/// started it ends, and a thread of the pool may end at any time.
/// </summary>
internal static class Spawner
{
    private static readonly BlockingCollection<Action> Starts = StartThread();

    public static Task<Process> StartAsync(ProcessStartInfo start)
    {
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        Starts.Add(() =>
        {
            try
            {
                started.SetResult(Process.Start(start)!);
            }
            catch (Exception fault)
            {
                started.SetException(fault);
            }
        });
        return started.Task;
    }

    private static BlockingCollection<Action> StartThread()
    {
        var starts = new BlockingCollection<Action>();
        new Thread(() =>
        {
            foreach (var start in starts.GetConsumingEnumerable())
            {
                start();
            }
        })
        { IsBackground = true, Name = "starter of functions" }.Start();
        return starts;
    }
}
