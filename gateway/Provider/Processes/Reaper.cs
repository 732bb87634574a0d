using System.Collections.Concurrent;

namespace Connectors.Provider.Processes;

/// <summary>
/// Ends what came from processes, also what left their groups and sessions. To find that, all that runs here is looked through; one thread does so, and one look
/// serves everybody who asked before it.
/// </summary>
internal static class Reaper
{
    // Whoever is being ended may still start another: looked for until nobody is found.
    private const int MaxLooks = 10;

    // Until what nobody waits for is looked for again; a call's end leaves hardly ever something.
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private static int _looks;

    private static readonly BlockingCollection<Ending> Asked = StartThread();

    /// <summary>How often all that runs here was looked through.</summary>
    public static int Looks => Volatile.Read(ref _looks);

    /// <summary>Ends a process and all that came from it. Returns once nothing of it is found any more.</summary>
    /// <param name="root">The process.</param>
    /// <param name="mark">What its children carry.</param>
    /// <param name="end">Ends the process and its group; called from another thread, after those who came from it were looked for.</param>
    public static Task EndAsync(int root, string mark, Action end)
    {
        var ending = new Ending(root, mark, end);
        Asked.Add(ending);
        return ending.Done;
    }

    /// <summary>Ends soon what still carries the mark of a process that is gone.</summary>
    public static void EndLater(string mark) => Asked.Add(new Ending(0, mark, null));

    private static BlockingCollection<Ending> StartThread()
    {
        var asked = new BlockingCollection<Ending>();
        new Thread(() => Serve(asked)) { IsBackground = true, Name = "reaper of functions" }.Start();
        return asked;
    }

    private static void Serve(BlockingCollection<Ending> asked)
    {
        var open = new List<Ending>();
        for (var last = 0L; ; last = TimeProvider.System.GetTimestamp())
        {
            if (open.Count == 0)
            {
                open.Add(asked.Take());
            }

            while (asked.TryTake(out var next, open.Exists(ending => ending.IsAwaited) ? TimeSpan.Zero : Left(last)))
            {
                open.Add(next);
            }

            Look(open);
            open.RemoveAll(ending => ending.Done.IsCompleted);
        }
    }

    private static TimeSpan Left(long last)
    {
        var left = Pause - TimeProvider.System.GetElapsedTime(last);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    private static void Look(List<Ending> open)
    {
        Interlocked.Increment(ref _looks);
        var found = Find(open);
        foreach (var ending in open)
        {
            ending.End(found, MaxLooks);
        }
    }

    // Null if nothing can be looked at for now, such as without open files to be had. Whatever is thrown: on this thread it would end the gateway.
    private static ILookup<string, int>? Find(List<Ending> open)
    {
        try
        {
            return Descendants.Of([.. open.Select(ending => (ending.Mark, ending.Root))]);
        }
        catch (Exception)
        {
            return null;
        }
    }

    private sealed class Ending(int root, string mark, Action? end)
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _times;

        public int Root => root;

        public string Mark => mark;

        public bool IsAwaited => end is not null;

        public Task Done => _done.Task;

        public void End(ILookup<string, int>? found, int maxLooks)
        {
            try
            {
                end?.Invoke();
                foreach (var stray in found?[mark] ?? [])
                {
                    ProcessGroup.EndOne(stray);
                }

                if (++_times == maxLooks || found?.Contains(mark) == false)
                {
                    _done.TrySetResult();
                }
            }
            catch (Exception fault)
            {
                _done.TrySetException(fault);
            }
        }
    }
}
