using Connectors.Cron.Schedules;

namespace Connectors.Cron.Cursors;

/// <summary>
/// Claims ticks for this replica, so that of all replicas one fires each. The cursor is compared and set: whoever moves it past a tick has that tick, and it
/// is never moved past one that was not claimed or dropped. The claim is written before the call and taken back after it; in between it is a lease. A claim
/// that is not renewed has lapsed. If its call was to be enqueued another replica takes it over, for such a call may be repeated under the same
/// <c>Idempotency-Key</c>, unless it is too late for that by then; one that is waited for is never repeated.
/// </summary>
/// <example>
/// A fires the tick of 12:00:01 and dies at it:
/// <code>
/// 12:00:01  A claims       12:00:01 12:00:01@A#0
/// 12:00:03  A renews       12:00:01 12:00:01@A#1
/// 12:00:09  lapsed: B      12:00:01 12:00:01@B#2
/// 12:00:10  B is through   12:00:01
/// </code>
/// </example>
internal sealed class Claims(ICursorStore store, TimeProvider time)
{
    /// <summary>Time between two renewals of a claim.</summary>
    public static readonly TimeSpan RenewalInterval = TimeSpan.FromSeconds(2);

    /// <summary>A claim that was not renewed for so long has lapsed.</summary>
    public static readonly TimeSpan LeaseTime = TimeSpan.FromSeconds(6);

    /// <summary>How far clocks may differ: a cursor that lies further ahead was moved by a wrong one.</summary>
    public static readonly TimeSpan ClockTolerance = TimeSpan.FromMinutes(1);

    /// <summary>This process among the replicas.</summary>
    public string Replica { get; } = Guid.NewGuid().ToString("N")[..8];

    /// <summary>Whether a schedule has no cursor to count on: there is none, or it stands where the function was removed.</summary>
    public bool IsClosed(string key) => store.Latest(key) is null or { Cursor.IsRemoved: true };

    /// <summary>Makes a cursor for a schedule that is new, or moves that of one that returns: what is due from now on counts.</summary>
    public Task OpenAsync(string key, DateTimeOffset now, CancellationToken ct) => ChangeAsync(
        key,
        stored => stored is null ? (new Cursor(now), ClaimResult.Won) : stored.Cursor.IsRemoved ? (stored.Cursor.Dropped(now), ClaimResult.Won) : (null, ClaimResult.Lost),
        ct);

    /// <summary>Notes that a schedule is gone. Its cursor stays, so that no tick is fired twice should it return within the same second.</summary>
    public Task RemoveAsync(string key, CancellationToken ct) => ChangeAsync(
        key,
        stored => stored is null or { Cursor.IsRemoved: true } ? (null, ClaimResult.Lost) : (stored.Cursor with { IsRemoved = true }, ClaimResult.Won),
        ct);

    /// <summary>Takes back a cursor that lies ahead of the clock. True if this replica did.</summary>
    public async Task<bool> TakeBackAsync(string key, DateTimeOffset now, CancellationToken ct) => await ChangeAsync(
        key,
        stored => stored is not null && stored.Cursor.Last - now > ClockTolerance ? (stored.Cursor.TakenBack(now), ClaimResult.Won) : (null, ClaimResult.Lost),
        ct) == ClaimResult.Won;

    /// <summary>Claims a tick.</summary>
    public Task<ClaimResult> TakeAsync(Entry entry, DateTimeOffset due, CancellationToken ct) => ChangeAsync(
        entry.Key,
        stored =>
        {
            var cursor = stored?.Cursor ?? new Cursor(due.AddSeconds(-1));
            if (cursor.ClaimOf(due)?.Replica == Replica)
            {
                return (null, ClaimResult.Won);
            }

            if (cursor.Last >= due || cursor.IsFiredAhead(due))
            {
                return (null, ClaimResult.Lost);
            }

            if (entry.Policy is { Asynchronous: false, Overlap: Overlap.Forbid } && cursor.Open.Any(c => !IsLapsed(stored, c)))
            {
                return (cursor.Dropped(due), ClaimResult.Overlaps);
            }

            // Lapsed claims of calls that were waited for are let go: nobody knows how far they came.
            var open = entry.Policy.Asynchronous ? cursor.Open : cursor.Open.RemoveAll(c => IsLapsed(stored, c));
            return ((cursor with { Open = open }).With(new Claim(due, Replica, 0), FiredSince(entry.Schedule, cursor, due)), ClaimResult.Won);
        },
        ct);

    /// <summary>Takes over the claim of a tick that was handed back, or that has lapsed.</summary>
    public Task<ClaimResult> TakeOverAsync(Entry entry, DateTimeOffset due, CancellationToken ct) => ChangeAsync(
        entry.Key,
        stored => stored?.Cursor.ClaimOf(due) is { } claim && IsLapsed(stored, claim)
            ? (stored.Cursor.Changed(new Claim(due, Replica, claim.Renewals + 1)), ClaimResult.Won)
            : (null, ClaimResult.Lost),
        ct);

    /// <summary>Ends the claim of a tick that was handed back, or that has lapsed, without a call. True if this replica did.</summary>
    public async Task<bool> EndLapsedAsync(string key, DateTimeOffset due, CancellationToken ct) => await ChangeAsync(
        key,
        stored => stored?.Cursor.ClaimOf(due) is { } claim && IsLapsed(stored, claim) ? (stored.Cursor.Without(due), ClaimResult.Won) : (null, ClaimResult.Lost),
        ct) == ClaimResult.Won;

    /// <summary>Drops all ticks up to one. True if nobody else had claimed or dropped that one.</summary>
    public async Task<bool> DropAsync(string key, DateTimeOffset due, CancellationToken ct) =>
        await ChangeAsync(key, stored => stored is null || stored.Cursor.Last >= due ? (null, ClaimResult.Lost) : (stored.Cursor.Dropped(due), ClaimResult.Won), ct)
        == ClaimResult.Won;

    /// <summary>Says that the claim's replica is alive and at it.</summary>
    public Task RenewAsync(string key, DateTimeOffset due, CancellationToken ct) =>
        ReplaceAsync(key, due, claim => claim with { Renewals = claim.Renewals + 1 }, ct);

    /// <summary>Takes a claim back: its call came to its end.</summary>
    public Task EndAsync(string key, DateTimeOffset due, CancellationToken ct) => ReplaceAsync(key, due, _ => null, ct);

    /// <summary>Lets any replica take a claim over at once.</summary>
    public Task HandBackAsync(string key, DateTimeOffset due, CancellationToken ct) =>
        ReplaceAsync(key, due, claim => claim with { Replica = Claim.Nobody }, ct);

    /// <summary>Claims of a cursor that may be taken over.</summary>
    public IEnumerable<Claim> Lapsed(string key) => store.Latest(key) is { } stored ? stored.Cursor.Open.Where(claim => IsLapsed(stored, claim)) : [];

    private bool IsLapsed(StoredCursor? stored, Claim claim) =>
        claim.Replica == Claim.Nobody || (stored is not null && stored.Renewed.TryGetValue(claim, out var since) && time.GetElapsedTime(since) > LeaseTime);

    // Since when ticks were fired without a gap, if this one is fired too: it follows the last one, or the end of what was fired ahead, or begins anew.
    private static DateTimeOffset FiredSince(Schedule schedule, Cursor cursor, DateTimeOffset due)
    {
        var before = cursor.Ahead.Where(span => span.To < due).Append(new FiredSpan(cursor.Since, cursor.Last)).MaxBy(span => span.To);
        return schedule.Next(before.To) == due ? before.From : due.AddSeconds(-1);
    }

    private Task<ClaimResult> ReplaceAsync(string key, DateTimeOffset due, Func<Claim, Claim?> change, CancellationToken ct) => ChangeAsync(
        key,
        stored => stored?.Cursor.ClaimOf(due) is not { } mine || mine.Replica != Replica ? (null, ClaimResult.Lost)
            : change(mine) is { } changed ? (stored.Cursor.Changed(changed), ClaimResult.Won)
            : (stored.Cursor.Without(due), ClaimResult.Won),
        ct);

    private async Task<ClaimResult> ChangeAsync(string key, Func<StoredCursor?, (Cursor? Write, ClaimResult Result)> decide, CancellationToken ct)
    {
        for (var stored = store.Latest(key); ; stored = await store.GetAsync(key, ct))
        {
            var (write, result) = decide(stored);
            if (write is null || await store.TryWriteAsync(key, write, stored, ct))
            {
                return result;
            }
        }
    }
}

/// <summary>What came of a claim.</summary>
internal enum ClaimResult
{
    /// <summary>The tick is ours to fire.</summary>
    Won,

    /// <summary>Another replica has it.</summary>
    Lost,

    /// <summary>It is dropped, for a run of the same schedule is not over.</summary>
    Overlaps,

    /// <summary>It is dropped, for by now it is too late.</summary>
    Missed,
}
