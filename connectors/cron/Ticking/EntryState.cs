using Connectors.Cron.Cursors;
using Connectors.Cron.Schedules;
using Connectors.Sdk.Topics;

namespace Connectors.Cron.Ticking;

/// <summary>
/// An entry of the timetable as it runs here: which ticks are on their way to being claimed, and when to look at it next. Of calls that are enqueued one is
/// out at a time, from its finding to its end: more of them would only wait for it, with the slots of other schedules.
/// </summary>
internal sealed class EntryState(Entry entry)
{
    // Guards what is on its way: ticks are added by the source and leave from the runs.
    private readonly Lock _gate = new();
    private readonly HashSet<DateTimeOffset> _unclaimed = [];
    private Task<bool> _lastClaim = Task.FromResult(true);

    // Of calls that are enqueued: whether one is out, and whether the source waits for its end.
    private bool _isOut;
    private bool _isAwaited;

    // What was found together with the tick that went out last, and follows it.
    private readonly Queue<DateTimeOffset> _rest = new();
    private DateTimeOffset _lastOut;
    private (DateTimeOffset After, DateTimeOffset? Next) _next;

    public Entry Entry { get; set; } = entry;

    /// <summary>The last topic map that had it.</summary>
    public TopicMap? Map { get; set; }

    public string Function => Entry.Function.ToString();

    public string Schedule => Entry.Schedule.ToString();

    /// <summary>Why nothing more is looked for: finding its ticks failed.</summary>
    public string? Fault { get; set; }

    /// <summary>When it is to be looked at again; null for no time of its own.</summary>
    public DateTimeOffset? WakeAt { get; set; }

    /// <summary>Whether its cursor was seen ahead of this replica's clock, and told of.</summary>
    public bool IsAhead { get; set; }

    /// <summary>Whether nothing more may go out until what is out has ended. If more is due by then, that end says so.</summary>
    public bool IsHeldBack(DateTimeOffset clock)
    {
        lock (_gate)
        {
            if (!_isOut || !Entry.Policy.Asynchronous)
            {
                return false;
            }

            if (WakeAt <= clock)
            {
                (_isAwaited, WakeAt) = (true, clock + CronSource.ShortSleep);
            }

            return true;
        }
    }

    /// <summary>The ticks that are to be fired or dropped now, of calls that are enqueued the first; null while none is due. Sets when to look again.</summary>
    public DueTicks? Find(Cursor cursor, DateTimeOffset clock)
    {
        var last = Last(cursor.Last);
        if (Entry.Policy.Asynchronous && NextOfRest(last) is { } next)
        {
            WakeAt = clock + CronSource.ShortSleep;
            return GoOut(next, missed: 0, isAwaited: true);
        }

        WakeAt = Next(last) + Entry.Delay;
        if (WakeAt is null || WakeAt > clock)
        {
            return null;
        }

        var due = DueTicks.Find(Entry.Schedule, last, clock - Entry.Delay, Entry.Policy, cursor.IsFiredAhead);
        WakeAt = due.Next + Entry.Delay;
        Tell(due.Next);
        if (!Entry.Policy.Asynchronous || due.Fire.Count == 0)
        {
            return due;
        }

        foreach (var tick in due.Fire.Skip(1))
        {
            _rest.Enqueue(tick);
        }

        return GoOut(due.Fire[0], due.Missed, isAwaited: _rest.Count > 0);
    }

    /// <summary>Puts a tick on its way. Claims of one schedule are made one after another, for a cursor that jumps leaves out what it jumps over.</summary>
    public Turn Begin(DateTimeOffset due)
    {
        lock (_gate)
        {
            var turn = new Turn(due, _unclaimed.Count == 0 ? Task.FromResult(true) : _lastClaim);
            _lastClaim = turn.Claimed.Task;
            _unclaimed.Add(due);
            _isOut |= Entry.Policy.Asynchronous;
            return turn;
        }
    }

    /// <summary>The tick has been claimed, by whomever, or could not be.</summary>
    public void End(Turn turn, bool isClaimed)
    {
        lock (_gate)
        {
            _unclaimed.Remove(turn.Due);
        }

        turn.Claimed.TrySetResult(isClaimed);
    }

    /// <summary>Puts a tick on its way that is taken over. False if another is out, whose end says that this one waits.</summary>
    public bool BeginTakeOver()
    {
        lock (_gate)
        {
            var isFirst = !_isOut;
            (_isOut, _isAwaited) = (true, true);
            return isFirst;
        }
    }

    /// <summary>A claim could not be written: another try has time until the source looks by itself.</summary>
    public void TryLater()
    {
        lock (_gate)
        {
            _isAwaited = false;
        }
    }

    /// <summary>What was out has ended. True if more is due, for which the source has to look again.</summary>
    public bool Leave()
    {
        lock (_gate)
        {
            var isAwaited = _isAwaited;
            (_isOut, _isAwaited) = (false, false);
            return isAwaited;
        }
    }

    private DueTicks GoOut(DateTimeOffset tick, int missed, bool isAwaited)
    {
        lock (_gate)
        {
            (_lastOut, _isAwaited) = (tick, isAwaited);
        }

        return new DueTicks([tick], missed, null);
    }

    // None if the cursor is not as far as the tick before it: that one could not be claimed, or somebody moved the cursor back. All is then found anew.
    private DateTimeOffset? NextOfRest(DateTimeOffset last)
    {
        while (last >= _lastOut && _rest.TryDequeue(out var tick))
        {
            if (tick > last)
            {
                return tick;
            }
        }

        _rest.Clear();
        return null;
    }

    // How far the schedule has come: what the cursor says, and what is on its way beyond it.
    private DateTimeOffset Last(DateTimeOffset cursor)
    {
        lock (_gate)
        {
            return _unclaimed.Count > 0 && _unclaimed.Max() is var latest && latest > cursor ? latest : cursor;
        }
    }

    private DateTimeOffset? Next(DateTimeOffset after)
    {
        if (_next.After != after)
        {
            _next = (after, Entry.Schedule.Next(after));
            Tell(_next.Next);
        }

        return _next.Next;
    }

    private void Tell(DateTimeOffset? next)
    {
        if (next is { } due)
        {
            Metrics.Due(Function, Schedule, due + Entry.Delay);
        }
    }
}

/// <summary>The place of a tick among those of its schedule that are being claimed.</summary>
/// <param name="Due">The tick.</param>
/// <param name="Before">The claim that has to be made first; false means that it could not be, and this one must not be either.</param>
internal sealed record Turn(DateTimeOffset Due, Task<bool> Before)
{
    /// <summary>Completed with whether the tick is claimed, by whomever.</summary>
    public TaskCompletionSource<bool> Claimed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}
