using Connectors.Cron.Cursors;
using Connectors.Cron.Schedules;
using Connectors.Sdk.Topics;

namespace Connectors.Cron.Ticking;

/// <summary>An entry of the timetable as it runs here: which ticks are on their way to being claimed, and when to look at it next.</summary>
internal sealed class EntryState(Entry entry)
{
    // Guards what is on its way: ticks are added by the source and leave from the runs.
    private readonly Lock _gate = new();
    private readonly HashSet<DateTimeOffset> _unclaimed = [];
    private readonly HashSet<DateTimeOffset> _takingOver = [];
    private Task<bool> _lastClaim = Task.FromResult(true);
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

    /// <summary>The ticks that are to be fired or dropped now; null while none is due. Sets when to look again.</summary>
    public DueTicks? Find(Cursor cursor, DateTimeOffset clock)
    {
        var last = Last(cursor.Last);
        WakeAt = Next(last) + Entry.Delay;
        if (WakeAt is null || WakeAt > clock)
        {
            return null;
        }

        var due = DueTicks.Find(Entry.Schedule, last, clock - Entry.Delay, Entry.Policy, cursor.IsFiredAhead);
        WakeAt = due.Next + Entry.Delay;
        return due;
    }

    /// <summary>Puts a tick on its way. Claims of one schedule are made one after another, for a cursor that jumps leaves out what it jumps over.</summary>
    public Turn Begin(DateTimeOffset due)
    {
        lock (_gate)
        {
            var turn = new Turn(due, _unclaimed.Count == 0 ? Task.FromResult(true) : _lastClaim);
            _lastClaim = turn.Claimed.Task;
            _unclaimed.Add(due);
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

    /// <summary>Whether this is the first to take over a tick right now.</summary>
    public bool BeginTakeOver(DateTimeOffset due)
    {
        lock (_gate)
        {
            return _takingOver.Add(due);
        }
    }

    public void EndTakeOver(DateTimeOffset due)
    {
        lock (_gate)
        {
            _takingOver.Remove(due);
        }
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
            if (_next.Next is { } next)
            {
                Metrics.Due(Function, Schedule, next + Entry.Delay);
            }
        }

        return _next.Next;
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
