using Connectors.Cron.Schedules;

namespace Connectors.Cron.Cursors;

/// <summary>
/// Claims ticks for this replica, so that of all replicas one fires each. A claim is written before the call and taken back after it; in between it is a
/// lease. Claims of calls that are enqueued are taken over when their replica falls silent, for repeating such a call does no harm; others never are.
/// </summary>
internal sealed class Claims(ICursorStore store, TimeProvider time)
{
    /// <summary>Time between two beats of a claim.</summary>
    public static readonly TimeSpan BeatInterval = TimeSpan.FromSeconds(2);

    /// <summary>A claim without a new beat for so long has lost its replica.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(6);

    /// <summary>This process among the replicas.</summary>
    public string Replica { get; } = Guid.NewGuid().ToString("N")[..8];

    /// <summary>Makes a cursor for a schedule that has none: what is due from now on counts.</summary>
    public async Task OpenAsync(string key, DateTimeOffset now, CancellationToken ct)
    {
        if (store.Seen(key) is null && !await store.TryWriteAsync(key, new Cursor(now), null, ct))
        {
            await store.GetAsync(key, ct);
        }
    }

    /// <summary>Claims a tick.</summary>
    public Task<ClaimResult> TakeAsync(Entry entry, DateTimeOffset due, CancellationToken ct) => ChangeAsync(
        entry.Key,
        seen =>
        {
            var cursor = seen?.Cursor ?? new Cursor(due.AddSeconds(-1));
            if (cursor.ClaimOf(due)?.Replica == Replica)
            {
                return (null, ClaimResult.Won);
            }

            if (cursor.Last >= due)
            {
                return (null, ClaimResult.Lost);
            }

            if (entry.Policy is { Asynchronous: false, Overlap: Overlap.Forbid } && cursor.Open.Any(c => !IsSilent(seen, c)))
            {
                return (cursor with { Last = due }, ClaimResult.Overlaps);
            }

            // Silent claims of calls that were waited for are let go: nobody knows how far they came.
            var open = entry.Policy.Asynchronous ? cursor.Open : cursor.Open.RemoveAll(c => IsSilent(seen, c));
            return ((cursor with { Open = open }).With(new Claim(due, Replica, 0)), ClaimResult.Won);
        },
        ct);

    /// <summary>Takes over the claim of a tick that was handed back, or whose replica is silent.</summary>
    public Task<ClaimResult> TakeOverAsync(Entry entry, DateTimeOffset due, CancellationToken ct) => ChangeAsync(
        entry.Key,
        seen => seen?.Cursor.ClaimOf(due) is { } claim && IsSilent(seen, claim)
            ? (seen.Cursor.With(new Claim(due, Replica, claim.Beat + 1)), ClaimResult.Won)
            : (null, ClaimResult.Lost),
        ct);

    /// <summary>Drops all ticks up to one. True if nobody else had claimed or dropped that one.</summary>
    public async Task<bool> DropAsync(string key, DateTimeOffset due, CancellationToken ct) =>
        await ChangeAsync(key, seen => seen is null || seen.Cursor.Last >= due ? (null, ClaimResult.Lost) : (seen.Cursor with { Last = due }, ClaimResult.Won), ct)
        == ClaimResult.Won;

    /// <summary>Says that the claim's replica is alive and at it.</summary>
    public Task BeatAsync(string key, DateTimeOffset due, CancellationToken ct) =>
        ReplaceAsync(key, due, claim => claim with { Beat = claim.Beat + 1 }, ct);

    /// <summary>Takes a claim back: its call came to its end.</summary>
    public Task EndAsync(string key, DateTimeOffset due, CancellationToken ct) => ReplaceAsync(key, due, _ => null, ct);

    /// <summary>Lets any replica take a claim over at once.</summary>
    public Task HandBackAsync(string key, DateTimeOffset due, CancellationToken ct) =>
        ReplaceAsync(key, due, claim => claim with { Replica = Claim.Nobody }, ct);

    /// <summary>Claims of a cursor that may be taken over.</summary>
    public IEnumerable<Claim> Silent(string key) => store.Seen(key) is { } seen ? seen.Cursor.Open.Where(claim => IsSilent(seen, claim)) : [];

    private bool IsSilent(Sighting? seen, Claim claim) =>
        claim.Replica == Claim.Nobody || (seen is not null && seen.Since.TryGetValue(claim, out var since) && time.GetElapsedTime(since) > Lease);

    private Task<ClaimResult> ReplaceAsync(string key, DateTimeOffset due, Func<Claim, Claim?> change, CancellationToken ct) => ChangeAsync(
        key,
        seen => seen?.Cursor.ClaimOf(due) is not { } mine || mine.Replica != Replica ? (null, ClaimResult.Lost)
            : change(mine) is { } changed ? (seen.Cursor.With(changed), ClaimResult.Won)
            : (seen.Cursor.Without(due), ClaimResult.Won),
        ct);

    private async Task<ClaimResult> ChangeAsync(string key, Func<Sighting?, (Cursor? Write, ClaimResult Result)> decide, CancellationToken ct)
    {
        for (var seen = store.Seen(key); ; seen = await store.GetAsync(key, ct))
        {
            var (write, result) = decide(seen);
            if (write is null || await store.TryWriteAsync(key, write, seen, ct))
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
}
