using Connectors.Cron.Cursors;
using Connectors.Cron.Schedules;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Topics;
using Microsoft.Extensions.Logging;

namespace Connectors.Cron.Ticking;

/// <summary>
/// What this replica does to the cursors it shares, and what it tells of that. A tick is claimed in one of two ways: when it is due, in the order of its
/// schedule, or when another replica's claim has lapsed. Between being found and being claimed it may have waited for a slot, and a lapsed claim for any
/// replica to come: whether it is still to be fired is asked again. A claim that cannot be written leaves the tick where it was: the source comes to it
/// again. So it does to one of its own that was written without its hearing so.
/// </summary>
internal sealed class Claiming(Claims claims, Timetable table, LatestTopicMap topics, TimeProvider time, ILogger<Claiming> log)
{
    private readonly Signal _goesOn = new();

    /// <summary>Completes when a tick has ended for which others of its schedule were held back.</summary>
    public Task GoesOnAsync(CancellationToken ct) => _goesOn.Next.WaitAsync(ct);

    /// <summary>Whether a schedule has no cursor to count on: none yet, or one that says that the schedule is gone.</summary>
    public bool IsClosed(string key) => claims.IsClosed(key);

    /// <summary>Makes a schedule's cursor, or moves it on if its function was removed and is back, whether that was noted there or only seen.</summary>
    public async Task OpenAsync(EntryState state, CancellationToken ct)
    {
        var key = state.Entry.Key;
        if (claims.IsClosed(key))
        {
            await claims.OpenAsync(key, time.GetUtcNow(), ct);
        }
        else if (state.AbsentUntil is { } until)
        {
            // Not until now: other replicas may have seen it earlier, and be at its ticks.
            await claims.DropAsync(key, until, ct);
        }

        state.AbsentUntil = null;
    }

    /// <summary>Notes that a schedule is gone.</summary>
    public Task RemoveAsync(string key, CancellationToken ct) => claims.RemoveAsync(key, ct);

    /// <summary>
    /// Takes back a cursor that lies ahead of this replica's clock, if it lay ahead of the broker's too when it was stored: of three clocks (that of the
    /// replica that wrote it, the broker's, ours) the first is then the wrong one. Otherwise it is ours that is behind, and the cursor stays.
    /// </summary>
    /// <returns>Whether the cursor is one to go by.</returns>
    public async Task<bool> CheckAsync(EntryState state, StoredCursor stored, CancellationToken ct)
    {
        var (now, last) = (time.GetUtcNow(), stored.Cursor.Last);
        if (last - now <= Claims.ClockTolerance)
        {
            state.IsAhead = false;
            return true;
        }

        if (stored.StoredAt is { } at && (at == DateTimeOffset.MinValue || last - at > Claims.ClockTolerance))
        {
            if (await claims.TakeBackAsync(state.Entry.Key, now, ct))
            {
                Metrics.TakenBack(state.Function);
                Log.TakenBack(log, state.Function, state.Schedule, last, now);
            }
        }
        else if (stored.StoredAt is not null && !state.IsAhead)
        {
            state.IsAhead = true;
            Log.ClockBehind(log, state.Function, state.Schedule, last, now);
        }

        return false;
    }

    /// <summary>All that was due was missed, or was fired ahead of its time: the cursor moves past it without a claim.</summary>
    /// <param name="state">The schedule.</param>
    /// <param name="missed">How many were missed.</param>
    /// <param name="now">The time at which that was found: what has become due since then is not among them.</param>
    /// <param name="ct">Cancelled when the process stops.</param>
    public async Task DropAsync(EntryState state, int missed, DateTimeOffset now, CancellationToken ct)
    {
        if (await claims.DropAsync(state.Entry.Key, now - state.Entry.Delay, ct) && missed > 0)
        {
            TellMissed(state, missed);
        }
    }

    /// <summary>A tick that is due. With its claim those before it that were missed are dropped.</summary>
    public Tick Due(EntryState state, DateTimeOffset due, int missed)
    {
        var turn = state.Begin(due);
        return Make(state, due, ct => ClaimDueAsync(state, turn, missed, ct));
    }

    /// <summary>
    /// A schedule's ticks that are claimed, and by nobody who is at them. Only calls that are enqueued may be repeated: of these the first whose claim has lapsed
    /// or was handed back, if none is out. Of those that are waited for only the ones for which this replica called nothing.
    /// </summary>
    public IEnumerable<Tick> Lapsed(EntryState state)
    {
        var key = state.Entry.Key;
        foreach (var claim in state.Entry.Policy.Asynchronous ? claims.Lapsed(key).OrderBy(claim => claim.Due).Take(1) : claims.Doubted(key))
        {
            if (state.BeginTakeOver())
            {
                yield return Make(state, claim.Due, _ => TakeOverAsync(state, claim));
            }
        }
    }

    private Tick Make(EntryState state, DateTimeOffset due, Func<CancellationToken, Task<Lease?>> claim) => new(state.Entry, due, claim, () => Leave(state), time, log);

    private void Leave(EntryState state)
    {
        if (state.Leave())
        {
            _goesOn.Set();
        }
    }

    private async Task<Lease?> ClaimDueAsync(EntryState state, Turn turn, int missed, CancellationToken ct)
    {
        ClaimResult? result = null;
        try
        {
            if (await turn.Before.WaitAsync(ct))
            {
                (result, missed) = await TakeAsync(state, turn.Due, missed);
            }
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            TellFailed(state, turn.Due, fault);
        }
        finally
        {
            state.End(turn, isClaimed: result is not null);
        }

        if (result is ClaimResult.Won or ClaimResult.Overlaps or ClaimResult.Missed && missed > 0)
        {
            TellMissed(state, missed);
        }

        if (result == ClaimResult.Overlaps)
        {
            TellOverlap(state, turn.Due);
        }

        return result == ClaimResult.Won ? new Lease(claims, state.Entry.Key, turn.Due, time) : null;
    }

    // Not to be cancelled: a claim that was written without our hearing so would be lost with the process, if its call is one that is waited for.
    private async Task<(ClaimResult Result, int Missed)> TakeAsync(EntryState state, DateTimeOffset due, int missed)
    {
        var entry = state.Entry;
        if (!table.IsIn(topics.Value, state))
        {
            return (ClaimResult.Lost, 0);
        }

        if (DueTicks.IsStillToFire(entry.Schedule, due, time.GetUtcNow() - entry.Delay, entry.Policy))
        {
            return (await claims.TakeAsync(entry, due, CancellationToken.None), missed);
        }

        return await claims.DropAsync(entry.Key, due, CancellationToken.None) ? (ClaimResult.Missed, missed + 1) : (ClaimResult.Lost, 0);
    }

    private async Task<Lease?> TakeOverAsync(EntryState state, Claim claim)
    {
        var (entry, due) = (state.Entry, claim.Due);
        try
        {
            if (!table.IsIn(topics.Value, state))
            {
                return null;
            }

            if (!DueTicks.IsStillToFire(entry.Schedule, due, time.GetUtcNow() - entry.Delay, entry.Policy))
            {
                if (await claims.EndLapsedAsync(entry.Key, due, CancellationToken.None))
                {
                    TellMissed(state, 1);
                }

                return null;
            }

            var result = await claims.TakeOverAsync(entry, due, CancellationToken.None);
            if (result != ClaimResult.Won)
            {
                if (result == ClaimResult.Overlaps)
                {
                    TellOverlap(state, due);
                }

                return null;
            }

            if (claim.Replica != claims.Replica)
            {
                Metrics.TakenOver(state.Function);
                Log.TakenOver(log, state.Function, state.Schedule, due);
            }

            return new Lease(claims, entry.Key, due, time);
        }
        catch (Exception fault)
        {
            TellFailed(state, due, fault);
            return null;
        }
    }

    private void TellMissed(EntryState state, int missed)
    {
        Metrics.Missed(state.Function, missed);
        Log.Missed(log, state.Function, state.Schedule, missed);
    }

    private void TellOverlap(EntryState state, DateTimeOffset due)
    {
        Metrics.Overlapped(state.Function);
        Log.Overlapped(log, state.Function, state.Schedule, due);
    }

    private void TellFailed(EntryState state, DateTimeOffset due, Exception fault)
    {
        state.TryLater();
        Metrics.CursorFailed();
        Log.ClaimFailed(log, state.Function, state.Schedule, due, fault.Message);
    }
}
