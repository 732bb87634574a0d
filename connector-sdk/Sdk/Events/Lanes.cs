namespace Connectors.Sdk.Events;

/// <summary>Runs pieces of work of one key one after another, in the order in which they came; those without a key at once.</summary>
internal sealed class Lanes
{
    // Guards the dictionary and its queues: a key is in it while work of that key runs, with what waits behind it.
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Queue<Func<Task>>> _waiting = [];

    /// <summary>Starts the work now or when its key is free. The work tells its own end, and does not throw.</summary>
    public void Start(string? key, Func<Task> work)
    {
        if (key is null)
        {
            _ = work();
            return;
        }

        lock (_gate)
        {
            if (_waiting.TryGetValue(key, out var queue))
            {
                queue.Enqueue(work);
                return;
            }

            _waiting[key] = new Queue<Func<Task>>();
        }

        _ = RunAsync(key, work);
    }

    private async Task RunAsync(string key, Func<Task> work)
    {
        while (true)
        {
            await work();
            lock (_gate)
            {
                if (!_waiting[key].TryDequeue(out work!))
                {
                    _waiting.Remove(key);
                    return;
                }
            }
        }
    }
}
