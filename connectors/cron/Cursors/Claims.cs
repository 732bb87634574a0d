using Connectors.Cron.Schedules;

namespace Connectors.Cron.Cursors;

/// <summary>
/// Claims ticks for this replica, so that of all replicas one fires each. The cursor is compared and set: whoever moves it past a tick has that tick, and it
/// is never moved past one that was not claimed or dropped. The claim is written before the call and taken back after it; in between it is a lease. A claim
/// that is not renewed has lapsed. If its call was to be enqueued another replica takes it over, for such a call may be repeated under the same
/// <c>Idempotency-Key</c>, unless it is too late for that by then; one that is waited for is never repeated. A claim that was written though its replica did
/// not hear so has no call: the same replica takes it up again, whichever way its call is made.
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
    private readonly OwnClaims _own = new();

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
    public async Task<ClaimResult> TakeAsync(Entry entry, DateTimeOffset due, CancellationToken ct)
    {
        if (!_own.TryBegin(entry.Key, due, out _))
        {
            // The cursor was moved back by hand, and this one still runs: it would be found again and again.
            await DropAsync(entry.Key, due, ct);
            return ClaimResult.Lost;
        }

        return await HoldAsync(
            entry.Key,
            due,
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

                if (ForbidsOverlap(entry) && cursor.Open.Any(c => !IsLapsed(entry.Key, stored, c)))
                {
                    return (cursor.Dropped(due), ClaimResult.Overlaps);
                }

                // Lapsed claims of calls that were waited for are let go: nobody knows how far they came, but of those that are in doubt here.
                var open = entry.Policy.Asynchronous ? cursor.Open : cursor.Open.RemoveAll(c => IsLapsed(entry.Key, stored, c) && !IsDoubted(entry.Key, c));
                return ((cursor with { Open = open }).With(new Claim(due, Replica, 0), FiredSince(entry.Schedule, cursor, due)), ClaimResult.Won);
            },
            ct);
    }

    /// <summary>Takes over the claim of a tick that was handed back, that has lapsed, or that this replica wrote without hearing so.</summary>
    public async Task<ClaimResult> TakeOverAsync(Entry entry, DateTimeOffset due, CancellationToken ct) => _own.TryBegin(entry.Key, due, out var isOurs)
        ? await HoldAsync(
            entry.Key,
            due,
            stored =>
            {
                if (stored?.Cursor.ClaimOf(due) is not { } claim || !((isOurs && claim.Replica == Replica) || IsSilent(stored, claim)))
                {
                    return (null, ClaimResult.Lost);
                }

                if (ForbidsOverlap(entry) && stored.Cursor.Open.Any(c => c.Due != due && !IsLapsed(entry.Key, stored, c)))
                {
                    return (stored.Cursor.Without(due), ClaimResult.Overlaps);
                }

                // If it is not heard of that this is written, it is found as ours.
                isOurs = true;
                return (stored.Cursor.Changed(new Claim(due, Replica, claim.Renewals + 1)), ClaimResult.Won);
            },
            ct)
        : ClaimResult.Lost;

    /// <summary>Ends the claim of a tick that could be taken over, without a call. True if this replica did.</summary>
    public async Task<bool> EndLapsedAsync(string key, DateTimeOffset due, CancellationToken ct)
    {
        var result = await ChangeAsync(
            key,
            stored => stored?.Cursor.ClaimOf(due) is { } claim && IsLapsed(key, stored, claim) ? (stored.Cursor.Without(due), ClaimResult.Won) : (null, ClaimResult.Lost),
            ct);
        if (result != ClaimResult.Won)
        {
            return false;
        }

        _own.End(key, due);
        return true;
    }

    /// <summary>Drops all ticks up to one. True if nobody else had claimed or dropped that one.</summary>
    public async Task<bool> DropAsync(string key, DateTimeOffset due, CancellationToken ct) =>
        await ChangeAsync(key, stored => stored is null || stored.Cursor.Last >= due ? (null, ClaimResult.Lost) : (stored.Cursor.Dropped(due), ClaimResult.Won), ct)
        == ClaimResult.Won;

    /// <summary>Says that the claim's replica is alive and at it.</summary>
    public Task RenewAsync(string key, DateTimeOffset due, CancellationToken ct) =>
        ReplaceAsync(key, due, claim => claim with { Renewals = claim.Renewals + 1 }, ct);

    /// <summary>Takes a claim back: its call came to its end.</summary>
    public Task EndAsync(string key, DateTimeOffset due, CancellationToken ct) => LetGoAsync(key, due, _ => null, ct);

    /// <summary>Lets any replica take a claim over at once.</summary>
    public Task HandBackAsync(string key, DateTimeOffset due, CancellationToken ct) =>
        LetGoAsync(key, due, claim => claim with { Replica = Claim.Nobody }, ct);

    /// <summary>Claims of a cursor that may be taken over, if their calls may be repeated.</summary>
    public IEnumerable<Claim> Lapsed(string key) => store.Latest(key) is { } stored ? stored.Cursor.Open.Where(claim => IsLapsed(key, stored, claim)) : [];

    /// <summary>Claims of a cursor for which nothing was called: this replica wrote them without hearing so.</summary>
    public IEnumerable<Claim> Doubted(string key) => store.Latest(key) is { } stored ? stored.Cursor.Open.Where(claim => IsDoubted(key, claim)) : [];

    private static bool ForbidsOverlap(Entry entry) => entry.Policy is { Asynchronous: false, Overlap: Overlap.Forbid };

    // Of its own claims a replica knows which it is at: those have not lapsed, however long they could not be renewed.
    private bool IsLapsed(string key, StoredCursor? stored, Claim claim) =>
        !(claim.Replica == Replica && _own.IsHeld(key, claim.Due)) && (IsDoubted(key, claim) || IsSilent(stored, claim));

    private bool IsDoubted(string key, Claim claim) => claim.Replica == Replica && _own.IsDoubted(key, claim.Due);

    private bool IsSilent(StoredCursor? stored, Claim claim) =>
        claim.Replica == Claim.Nobody || (stored is not null && stored.Renewed.TryGetValue(claim, out var since) && time.GetElapsedTime(since) > LeaseTime);

    // Since when ticks were fired without a gap, if this one is fired too: it follows the last one, or the end of what was fired ahead, or begins anew.
    private static DateTimeOffset FiredSince(Schedule schedule, Cursor cursor, DateTimeOffset due)
    {
        var before = cursor.Ahead.Where(span => span.To < due).Append(new FiredSpan(cursor.Since, cursor.Last)).MaxBy(span => span.To);
        return schedule.Next(before.To) == due ? before.From : due.AddSeconds(-1);
    }

    // Nothing is called for a claim of which it is not known whether it was written. That is remembered, for it may have been.
    private async Task<ClaimResult> HoldAsync(string key, DateTimeOffset due, Func<StoredCursor?, (Cursor? Write, ClaimResult Result)> decide, CancellationToken ct)
    {
        try
        {
            var result = await ChangeAsync(key, decide, ct);
            if (result != ClaimResult.Won)
            {
                _own.End(key, due);
            }

            return result;
        }
        catch
        {
            _own.Doubt(key, due);
            throw;
        }
    }

    private async Task LetGoAsync(string key, DateTimeOffset due, Func<Claim, Claim?> change, CancellationToken ct)
    {
        await ReplaceAsync(key, due, change, ct);
        _own.End(key, due);
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

    /// <summary>Somebody else has it.</summary>
    Lost,

    /// <summary>It is dropped, for a run of the same schedule is not over.</summary>
    Overlaps,

    /// <summary>It is dropped, for by now it is too late.</summary>
    Missed,
}
