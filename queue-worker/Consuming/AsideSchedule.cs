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
/// lie in: their times are in the stream's subjects, where they are found again before. However many functions' calls are held, what is told of one function touches
/// its own group alone.
/// </summary>
/// <param name="heldUntil">Until when a function's calls stay aside; null for not, the end of time for until <see cref="Wake"/>.</param>
internal sealed class AsideSchedule(Func<FunctionName, DateTimeOffset?> heldUntil)
{
    /// <summary>How long before its time a group of delayed calls is kept. Many times the pause between two looks at the stream, so that some may fail.</summary>
    public static readonly TimeSpan Horizon = TimeSpan.FromMinutes(10);

    // No group is put off for longer but to its own time, or to its function's.
    private static readonly TimeSpan MaxPutOff = TimeSpan.FromSeconds(5);

    // So many outdated times are kept beside some for each group.
    private const int SomeOutdated = 16;

    private readonly Dictionary<string, (AsideGroup Group, DateTimeOffset At)> _known = [];

    // What is outdated among them, since its group has another time by now, or is open or gone, goes when it comes up.
    private readonly PriorityQueue<string, DateTimeOffset> _due = new();

    // What was heard of each group that is open, since it was taken.
    private readonly Dictionary<string, Meanwhile> _open = [];

    /// <summary>When the next group is due; null for none.</summary>
    public DateTimeOffset? Next
    {
        get
        {
            while (_due.TryPeek(out var name, out var at))
            {
                if (_known.TryGetValue(name, out var known) && known.At == at)
                {
                    return at;
                }

                _due.Dequeue();
            }

            return null;
        }
    }

    /// <summary>Calls were found in a group. True if that was news, and not of a time beyond the horizon.</summary>
    public bool Found(AsideGroup group, DateTimeOffset now)
    {
        if (group.Due > now + Horizon)
        {
            return false;
        }

        var name = group.Consumer;
        if (_open.TryGetValue(name, out var meanwhile))
        {
            _open[name] = meanwhile | Meanwhile.Found;
            return false;
        }

        var due = group.Function is { } function ? HeldUntil(function, now) : group.Due ?? now;
        if (_known.TryGetValue(name, out var known) && (known.At <= due || known.At <= now + MaxPutOff))
        {
            return false;
        }

        Put(group, due);
        return true;
    }

    /// <summary>A group that is due; null for none. It is open until <see cref="Closed"/>.</summary>
    public AsideGroup? TryTake(DateTimeOffset now)
    {
        while (Next is { } next && next <= now)
        {
            var name = _due.Dequeue();
            _known.Remove(name, out var known);
            if (known.Group.Function is { } function && HeldUntil(function, now) is var until && until > now)
            {
                Put(known.Group, until);
                continue;
            }

            _open[name] = Meanwhile.None;
            return known.Group;
        }

        return null;
    }

    /// <summary>A function was paused or resumed, or its calls are to be looked at sooner or later than was said.</summary>
    public void Wake(FunctionName function, DateTimeOffset now)
    {
        var name = AsideGroup.Held(function).Consumer;
        if (_known.TryGetValue(name, out var held))
        {
            Put(held.Group, HeldUntil(function, now));
        }
        else if (_open.TryGetValue(name, out var meanwhile))
        {
            _open[name] = meanwhile | Meanwhile.Woken;
        }
    }

    /// <summary>A group was emptied, or could not be.</summary>
    /// <param name="group">The group.</param>
    /// <param name="again">When to look at it again; null if nothing is left that this worker knows of.</param>
    /// <param name="now">The time.</param>
    /// <param name="nakked">After which time something comes again that was nakked; it does not hold up what was found meanwhile.</param>
    public void Closed(AsideGroup group, DateTimeOffset? again, DateTimeOffset now, TimeSpan? nakked = null)
    {
        _open.Remove(group.Consumer, out var meanwhile);
        if ((again ?? (meanwhile.HasFlag(Meanwhile.Found) ? now : now + nakked)) is { } at)
        {
            // That may have been said before its function was resumed.
            var due = meanwhile.HasFlag(Meanwhile.Woken) && group.Function is { } function ? HeldUntil(function, now) : at;
            Put(group, due < at ? due : at);
        }
    }

    private DateTimeOffset HeldUntil(FunctionName function, DateTimeOffset now) => heldUntil(function) is { } until && until > now ? until : now;

    private void Put(AsideGroup group, DateTimeOffset at)
    {
        var name = group.Consumer;
        _known[name] = (group, at);
        if (at == DateTimeOffset.MaxValue)
        {
            // No time comes up: it is woken.
            return;
        }

        if (_due.Count < (2 * _known.Count) + SomeOutdated)
        {
            _due.Enqueue(name, at);
        }
        else
        {
            _due.Clear();
            _due.EnqueueRange(_known.Where(one => one.Value.At < DateTimeOffset.MaxValue).Select(one => (one.Key, one.Value.At)));
        }
    }

    [Flags]
    private enum Meanwhile
    {
        None = 0,
        Found = 1,
        Woken = 2,
    }
}
