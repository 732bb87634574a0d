using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Consuming;

/// <summary>
/// Which groups of calls lie aside, and which of them are due. Pure: no clock, no broker. A group that is found while it is being emptied is emptied once
/// more, for what was found may have come just behind the last look:
/// <code>
/// Found(12:00:00.5)     known, due then
/// TryTake at 12:00:00.5 the group; it is open, and not taken twice
/// Found(12:00:00.5)     noted
/// Closed                known again, due at once
/// </code>
/// The calls that are held for a function are due as soon as it is not paused.
/// </summary>
/// <param name="heldUntil">Until when a function's calls stay aside; null for not, the end of time for until <see cref="Wake"/>.</param>
internal sealed class AsideSchedule(Func<FunctionName, DateTimeOffset?> heldUntil)
{
    private readonly Dictionary<string, AsideGroup> _known = [];
    private readonly PriorityQueue<string, DateTimeOffset> _due = new();
    private readonly Dictionary<string, bool> _open = [];

    /// <summary>When the next group is due; null for none.</summary>
    public DateTimeOffset? Next => _due.TryPeek(out _, out var at) && at < DateTimeOffset.MaxValue ? at : null;

    /// <summary>Calls were found in a group. True if that was news.</summary>
    public bool Found(AsideGroup group, DateTimeOffset now)
    {
        var name = group.Consumer;
        if (_open.ContainsKey(name))
        {
            _open[name] = true;
            return false;
        }

        if (!_known.TryAdd(name, group))
        {
            return false;
        }

        _due.Enqueue(name, group.Due ?? now);
        return true;
    }

    /// <summary>A group that is due; null for none. It is open until <see cref="Closed"/>.</summary>
    public AsideGroup? TryTake(DateTimeOffset now)
    {
        while (Next is { } next && next <= now)
        {
            var name = _due.Dequeue();
            if (_known[name].Function is { } function && heldUntil(function) is { } until && until > now)
            {
                _due.Enqueue(name, until);
                continue;
            }

            _known.Remove(name, out var group);
            _open[name] = false;
            return group;
        }

        return null;
    }

    /// <summary>Functions were paused or resumed.</summary>
    public void Wake(DateTimeOffset now)
    {
        foreach (var (name, _) in _known.Where(group => group.Value.Function is not null))
        {
            _due.Remove(name, out _, out _);
            _due.Enqueue(name, now);
        }
    }

    /// <summary>A group was emptied, or could not be.</summary>
    /// <param name="group">The group.</param>
    /// <param name="again">When to look at it again; null if nothing is left that this worker knows of.</param>
    /// <param name="now">The time.</param>
    public void Closed(AsideGroup group, DateTimeOffset? again, DateTimeOffset now)
    {
        _open.Remove(group.Consumer, out var wasFoundAgain);
        if (again is { } at || wasFoundAgain)
        {
            _known[group.Consumer] = group;
            _due.Enqueue(group.Consumer, again ?? now);
        }
    }
}
