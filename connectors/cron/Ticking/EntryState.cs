using Connectors.Cron.Cursors;
using Connectors.Cron.Schedules;
using Connectors.Sdk.Topics;

namespace Connectors.Cron.Ticking;

/// <summary>
/// An entry of the timetable as it runs here: which ticks are on their way to being claimed, how many are out, from their finding to their end, and when to look
/// at it next. What is out holds slots that are other schedules' too. Of calls that are enqueued one is out at a time: more of them would only wait for it. Of
/// those that are waited for no more go out once they hold as many slots as they leave free, unless there is no other schedule: however slow they are, another
/// one finds a slot.
/// </summary>
internal sealed class EntryState(Entry entry)
{
    // So many go out before other schedules are looked at.
    private const int MaxAtOnce = 100;

    // Guards what is on its way: ticks are added by the source and leave from the runs.
    private readonly Lock _gate = new();
    private readonly HashSet<DateTimeOffset> _unclaimed = [];
    private Task<bool> _lastClaim = Task.FromResult(true);

    // How many are out, whether the source waits for an end, and whether a claim could not be written since all was found from the cursor.
    private int _out;
    private bool _isAwaited;
    private bool _hasFailed;

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

    /// <summary>Until when the schedule is known not to have been there, which its cursor may not say; null once that is seen to, or if it was always there.</summary>
    public DateTimeOffset? AbsentUntil { get; set; }

    /// <summary>Whether a tick is on its way to being claimed, or could not be claimed and has to be found again.</summary>
    public bool IsUnsettled
    {
        get
        {
            lock (_gate)
            {
                return _unclaimed.Count > 0 || _hasFailed;
            }
        }
    }

    /// <summary>How many more may go out now. If it is none, and more is due, the next end of what is out says so.</summary>
    /// <param name="clock">What time it is.</param>
    /// <param name="free">How many slots are free.</param>
    /// <param name="isOnly">Whether there is no other schedule.</param>
    public int Room(DateTimeOffset clock, int free, bool isOnly)
    {
        lock (_gate)
        {
            var room = Math.Clamp(Entry.Policy.Asynchronous ? 1 - _out : isOnly ? free : (free - _out + 1) / 2, 0, MaxAtOnce);
            if (room == 0 && WakeAt <= clock)
            {
                (_isAwaited, WakeAt) = (true, clock + CronSource.ShortSleep);
            }

            return room;
        }
    }

    /// <summary>The ticks that are to be fired now, as many as there is room for, or to be dropped; null while none is due. Sets when to look again.</summary>
    /// <param name="cursor">How far the schedule has come.</param>
    /// <param name="clock">What time it is.</param>
    /// <param name="room">How many may go out, one at least; of calls that are enqueued one does.</param>
    public DueTicks? Find(Cursor cursor, DateTimeOffset clock, int room = int.MaxValue)
    {
        room = Entry.Policy.Asynchronous ? 1 : room;
        var last = Last(cursor.Last);
        if (HasRest(last))
        {
            var rest = GoOut(missed: 0, room, isAwaited: true);

            // What became due meanwhile is found once there is no rest.
            WakeAt = rest.Fire.Count < room ? clock : Again(clock, room);
            return rest;
        }

        WakeAt = Next(last) + Entry.Delay;
        if (WakeAt is null || WakeAt > clock)
        {
            return null;
        }

        var due = DueTicks.Find(Entry.Schedule, last, clock - Entry.Delay, Entry.Policy, cursor.IsFiredAhead);
        WakeAt = due.Next + Entry.Delay;
        Tell(due.Next);
        foreach (var tick in due.Fire)
        {
            _rest.Enqueue(tick);
        }

        if (_rest.Count == 0)
        {
            return due;
        }

        var first = GoOut(due.Missed, room, isAwaited: false);
        WakeAt = _rest.Count > 0 ? Again(clock, room) : WakeAt;
        return first;
    }

    /// <summary>Puts a tick on its way. Claims of one schedule are made one after another, for a cursor that jumps leaves out what it jumps over.</summary>
    public Turn Begin(DateTimeOffset due)
    {
        lock (_gate)
        {
            var turn = new Turn(due, _lastClaim);
            _lastClaim = turn.Claimed.Task;
            _unclaimed.Add(due);
            _out++;
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

    /// <summary>Puts a tick on its way that is taken over. False if it is to be enqueued and another is out, whose end says that this one waits.</summary>
    public bool BeginTakeOver()
    {
        lock (_gate)
        {
            _isAwaited = true;
            if (Entry.Policy.Asynchronous && _out > 0)
            {
                return false;
            }

            _out++;
            return true;
        }
    }

    /// <summary>A claim could not be written: another try has time until the source looks by itself, which is soon.</summary>
    public void TryLater()
    {
        lock (_gate)
        {
            (_isAwaited, _hasFailed) = (false, true);
        }
    }

    /// <summary>One that was out has ended. True if more is due, for which the source has to look again.</summary>
    public bool Leave()
    {
        lock (_gate)
        {
            var isAwaited = _isAwaited;
            (_out, _isAwaited) = (_out - 1, false);
            return isAwaited;
        }
    }

    // Of the rest, which is not none, as many as there is room for.
    private DueTicks GoOut(int missed, int room, bool isAwaited)
    {
        var fire = new List<DateTimeOffset>();
        while (fire.Count < room && _rest.TryDequeue(out var tick))
        {
            fire.Add(tick);
        }

        lock (_gate)
        {
            (_lastOut, _isAwaited) = (fire[^1], isAwaited || _rest.Count > 0);
        }

        return new DueTicks(fire, missed, null);
    }

    // When to look at what is left: at once if others were only to have their turn. Else all room is taken: that one of this schedule ends is said, that one of
    // another does is not.
    private static DateTimeOffset Again(DateTimeOffset clock, int room) => room == MaxAtOnce ? clock : clock + CronSource.ShortSleep;

    // None if the cursor is not as far as the tick before it: that one could not be claimed, or somebody moved the cursor back. All is then found anew.
    private bool HasRest(DateTimeOffset last)
    {
        while (last >= _lastOut && _rest.TryPeek(out var tick))
        {
            if (tick > last)
            {
                return true;
            }

            _rest.Dequeue();
        }

        _rest.Clear();
        return false;
    }

    // How far the schedule has come: what is on its way beyond the cursor, or what the cursor says. Who goes by the cursor waits for no claim before it.
    private DateTimeOffset Last(DateTimeOffset cursor)
    {
        lock (_gate)
        {
            if (_unclaimed.Count > 0 && _unclaimed.Max() is var latest && latest > cursor)
            {
                return latest;
            }

            (_lastClaim, _hasFailed) = (Task.FromResult(true), false);
            return cursor;
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
