using Connectors.Cron.Schedules;

namespace Connectors.Cron.Ticking;

/// <summary>An entry of the timetable and the ticks of it that are on their way to being claimed.</summary>
internal sealed class Line(Entry entry)
{
    // Guards what is on its way: ticks are added by the source and leave from the runs.
    private readonly Lock _gate = new();
    private readonly HashSet<DateTimeOffset> _unclaimed = [];
    private readonly HashSet<DateTimeOffset> _takingOver = [];
    private Task<bool> _lastClaim = Task.FromResult(true);
    private (DateTimeOffset After, DateTimeOffset? Next) _next;

    public Entry Entry { get; set; } = entry;

    /// <summary>The first tick after one.</summary>
    public DateTimeOffset? Next(DateTimeOffset after)
    {
        if (_next.After != after)
        {
            _next = (after, Entry.Schedule.Next(after));
            if (_next.Next is { } next)
            {
                Metrics.Due(Entry.Function.ToString(), Entry.Schedule.ToString(), next + Entry.Delay);
            }
        }

        return _next.Next;
    }

    /// <summary>How far the schedule has come: what the cursor says, and what is on its way beyond it.</summary>
    public DateTimeOffset Last(DateTimeOffset cursor)
    {
        lock (_gate)
        {
            return _unclaimed.Count > 0 && _unclaimed.Max() is var latest && latest > cursor ? latest : cursor;
        }
    }

    /// <summary>Puts a tick on its way. Claims of one schedule are made one after another, for a cursor that jumps leaves out what it jumps over.</summary>
    /// <param name="due">The tick.</param>
    /// <param name="before">The claim that has to be made first; false means that it could not be, and this one must not be either.</param>
    /// <param name="claimed">To be completed with whether the tick is claimed, by whomever.</param>
    public void Begin(DateTimeOffset due, out Task<bool> before, out TaskCompletionSource<bool> claimed)
    {
        lock (_gate)
        {
            before = _unclaimed.Count == 0 ? Task.FromResult(true) : _lastClaim;
            claimed = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            _lastClaim = claimed.Task;
            _unclaimed.Add(due);
        }
    }

    public void Claimed(DateTimeOffset due)
    {
        lock (_gate)
        {
            _unclaimed.Remove(due);
        }
    }

    /// <summary>Whether this is the first to take over a tick right now.</summary>
    public bool BeginTakeOver(DateTimeOffset due)
    {
        lock (_gate)
        {
            return _takingOver.Add(due);
        }
    }

    public void TakenOver(DateTimeOffset due)
    {
        lock (_gate)
        {
            _takingOver.Remove(due);
        }
    }
}
