namespace Connectors.Cron.Cursors;

/// <summary>Where cursors are kept: in a bucket that all replicas share, or in the memory of the only one.</summary>
internal interface ICursorStore
{
    /// <summary>Completes once what is there has been read and can be written.</summary>
    Task ReadyAsync(CancellationToken ct);

    /// <summary>The cursor as last heard of; null if there is none.</summary>
    StoredCursor? Latest(string key);

    /// <summary>The cursor as it is now; null if there is none.</summary>
    Task<StoredCursor?> GetAsync(string key, CancellationToken ct);

    /// <summary>Writes a cursor if the one that is stored still is the one given; false if it is not.</summary>
    /// <param name="key">The key.</param>
    /// <param name="cursor">The new cursor.</param>
    /// <param name="replaces">What it replaces; null if there was none.</param>
    /// <param name="ct">Gives up waiting; the cursor may have been written all the same.</param>
    Task<bool> TryWriteAsync(string key, Cursor cursor, StoredCursor? replaces, CancellationToken ct);

    /// <summary>The keys of cursors with open claims.</summary>
    IReadOnlyCollection<string> WithClaims { get; }

    /// <summary>Completes at the next change that asks for a look: a claim handed back, a cursor moved back by hand, one taken away.</summary>
    Task ChangedAsync(CancellationToken ct);
}

/// <summary>A cursor as it is stored.</summary>
/// <param name="Cursor">The cursor; later than what is stored, if that is an earlier state that came back.</param>
/// <param name="Revision">What a write has to name in order to replace it; 0 for one that is remembered, and not known to be stored.</param>
/// <param name="StoredAt">When it was stored by the store's own clock; null while that is not known, the beginning of time where the store has no clock.</param>
/// <param name="Renewed">For each open claim, the time stamp (<see cref="TimeProvider.GetTimestamp"/>) since which it has not been renewed.</param>
internal sealed record StoredCursor(Cursor Cursor, ulong Revision, DateTimeOffset? StoredAt, IReadOnlyDictionary<Claim, long> Renewed);
