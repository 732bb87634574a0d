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
/// The calls that are held for a function are due as soon as it is not paused. A clock that was ahead may have put a group off until a time that is now far
/// away: when the group is found again, it is due when it says. Delayed calls that are due beyond <see cref="Horizon"/> are not kept, however many groups they
/// lie in: their times are in the stream's subjects, where they are found again before.
/// </summary>
/// <param name="heldUntil">Until when a function's calls stay aside; null for not, the end of time for until <see cref="Wake"/>.</param>
internal sealed class AsideSchedule(Func<FunctionName, DateTimeOffset?> heldUntil)
{
    /// <summary>How long before its time a group of delayed calls is kept. Many times the pause between two looks at the stream, so that some may fail.</summary>
    public static readonly TimeSpan Horizon = TimeSpan.FromMinutes(10);

    // No group is put off for longer but to its own time, or to its function's.
    private static readonly TimeSpan MaxPutOff = TimeSpan.FromSeconds(5);

    private readonly Dictionary<string, (AsideGroup Group, DateTimeOffset At)> _known = [];
    private readonly PriorityQueue<string, DateTimeOffset> _due = new();
    private readonly Dictionary<string, bool> _open = [];

    /// <summary>When the next group is due; null for none.</summary>
    public DateTimeOffset? Next => _due.TryPeek(out _, out var at) && at < DateTimeOffset.MaxValue ? at : null;

    /// <summary>Calls were found in a group. True if that was news, and not of a time beyond the horizon.</summary>
    public bool Found(AsideGroup group, DateTimeOffset now)
    {
        if (group.Due > now + Horizon)
        {
            return false;
        }

        var name = group.Consumer;
        if (_open.ContainsKey(name))
        {
            _open[name] = true;
            return false;
        }

        var due = (group.Function is { } function ? heldUntil(function) : group.Due) ?? now;
        if (_known.TryGetValue(name, out var known))
        {
            if (known.At <= due || known.At <= now + MaxPutOff)
            {
                return false;
            }

            _due.Remove(name, out _, out _);
        }

        Put(group, group.Function is null ? due : now);
        return true;
    }

    /// <summary>A group that is due; null for none. It is open until <see cref="Closed"/>.</summary>
    public AsideGroup? TryTake(DateTimeOffset now)
    {
        while (Next is { } next && next <= now)
        {
            var name = _due.Dequeue();
            _known.Remove(name, out var known);
            if (known.Group.Function is { } function && heldUntil(function) is { } until && until > now)
            {
                Put(known.Group, until);
                continue;
            }

            _open[name] = false;
            return known.Group;
        }

        return null;
    }

    /// <summary>Functions were paused or resumed.</summary>
    public void Wake(DateTimeOffset now)
    {
        foreach (var (name, known) in _known.Where(known => known.Value.Group.Function is not null).ToList())
        {
            _due.Remove(name, out _, out _);
            Put(known.Group, now);
        }
    }

    /// <summary>A group was emptied, or could not be.</summary>
    /// <param name="group">The group.</param>
    /// <param name="again">When to look at it again; null if nothing is left that this worker knows of.</param>
    /// <param name="now">The time.</param>
    /// <param name="nakked">After which time something comes again that was nakked; it does not hold up what was found meanwhile.</param>
    public void Closed(AsideGroup group, DateTimeOffset? again, DateTimeOffset now, TimeSpan? nakked = null)
    {
        _open.Remove(group.Consumer, out var wasFoundAgain);
        if ((again ?? (wasFoundAgain ? now : now + nakked)) is { } at)
        {
            Put(group, at);
        }
    }

    private void Put(AsideGroup group, DateTimeOffset at)
    {
        _known[group.Consumer] = (group, at);
        _due.Enqueue(group.Consumer, at);
    }
}
