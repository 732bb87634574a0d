using System.Collections.Concurrent;

namespace Connectors.QueueWorker.Settling;

/// <summary>What this worker gave back until its time comes, by its place in the stream. Only for a metric: the envelopes themselves know when.</summary>
internal sealed class WaitingRetries(TimeProvider time)
{
    private const int MostRemembered = 1_000_000;

    private readonly ConcurrentDictionary<ulong, DateTimeOffset> _due = new();

    public void Add(ulong sequence, TimeSpan wait)
    {
        if (_due.Count < MostRemembered)
        {
            _due[sequence] = time.GetUtcNow() + wait;
        }
    }

    /// <summary>How many still wait; those that are due are forgotten.</summary>
    public int Count()
    {
        var now = time.GetUtcNow();
        foreach (var (sequence, due) in _due)
        {
            if (due <= now)
            {
                _due.TryRemove(sequence, out _);
            }
        }

        return _due.Count;
    }
}
