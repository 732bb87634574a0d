using System.Collections.Concurrent;
using Connectors.Streams.Nats;

namespace Connectors.QueueWorker.Settling;

/// <summary>
/// What this worker nakked until its time comes. Only to be counted: the envelopes themselves know when. The time is counted by a clock that nobody sets.
/// </summary>
internal sealed class WaitingRetries(TimeProvider time)
{
    private readonly ConcurrentDictionary<MessagePlace, Nakked> _nakked = new();

    // How many these are: to count them, the dictionary would stop everybody else.
    private int _count;

    /// <summary>How many messages it remembers at most; further ones count as waiting for a worker.</summary>
    public int MaxRemembered { get; init; } = 1_000_000;

    public void Add(MessagePlace place, string function, TimeSpan wait)
    {
        var nakked = new Nakked(function, time.GetTimestamp(), wait);
        while (true)
        {
            if (_nakked.TryGetValue(place, out var before))
            {
                if (_nakked.TryUpdate(place, nakked, before))
                {
                    return;
                }
            }
            else if (Volatile.Read(ref _count) >= MaxRemembered)
            {
                return;
            }
            else if (_nakked.TryAdd(place, nakked))
            {
                Interlocked.Increment(ref _count);
                return;
            }
        }
    }

    /// <summary>A message was acked: it waits for nothing any more.</summary>
    public void Ended(MessagePlace place)
    {
        if (_nakked.TryRemove(place, out _))
        {
            Interlocked.Decrement(ref _count);
        }
    }

    /// <summary>Forgets what the stream does not hold any more: what lies before its first message, and of each function what is more than all that is stored of it.</summary>
    /// <param name="first">The stream's first message.</param>
    /// <param name="last">Its last; what came later is not counted in <paramref name="stored"/>.</param>
    /// <param name="stored">How many messages of each function it holds.</param>
    public void Keep(ulong first, ulong last, IReadOnlyDictionary<string, long> stored)
    {
        var known = new Dictionary<string, long>();
        foreach (var nakked in _nakked.Where(nakked => nakked.Key.Sequence <= last))
        {
            var function = nakked.Value.Function;
            var count = known.GetValueOrDefault(function) + 1;
            if (nakked.Key.Sequence < first || count > stored.GetValueOrDefault(function))
            {
                Forget(nakked);
            }
            else
            {
                known[function] = count;
            }
        }
    }

    /// <summary>How many still wait, by function; those that are due are forgotten.</summary>
    public Dictionary<string, long> Count()
    {
        var counts = new Dictionary<string, long>();
        foreach (var nakked in _nakked)
        {
            if (time.GetElapsedTime(nakked.Value.Since) >= nakked.Value.Wait)
            {
                Forget(nakked);
            }
            else
            {
                counts[nakked.Value.Function] = counts.GetValueOrDefault(nakked.Value.Function) + 1;
            }
        }

        return counts;
    }

    // Unless it was nakked anew meanwhile.
    private void Forget(KeyValuePair<MessagePlace, Nakked> nakked)
    {
        if (_nakked.TryRemove(nakked))
        {
            Interlocked.Decrement(ref _count);
        }
    }

    private readonly record struct Nakked(string Function, long Since, TimeSpan Wait);
}
