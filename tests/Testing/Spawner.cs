using System.Collections.Concurrent;
using System.Diagnostics;

namespace Connectors.Testing;

/// <summary>
/// The one thread that starts processes. The kernel sends a death signal when the forking thread ends, not when its process does, and a thread of the pool
/// may end long before the test that started a server on it.
/// </summary>
internal static class Spawner
{
    private static readonly BlockingCollection<Action> Starts = [];

    static Spawner() => new Thread(Work) { IsBackground = true, Name = "spawner" }.Start();

    /// <summary>Starts the process; whatever stops it from starting is thrown here.</summary>
    internal static void Start(Process process)
    {
        var started = new TaskCompletionSource();
        Starts.Add(() =>
        {
            try
            {
                process.Start();
                started.SetResult();
            }
            catch (Exception fault)
            {
                started.SetException(fault);
            }
        });
        started.Task.GetAwaiter().GetResult();
    }

    private static void Work()
    {
        foreach (var start in Starts.GetConsumingEnumerable())
        {
            start();
        }
    }
}
