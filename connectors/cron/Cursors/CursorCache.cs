using System.Collections.Concurrent;
using Connectors.Sdk.Hosting;

namespace Connectors.Cron.Cursors;

/// <summary>
/// What this replica last heard of each cursor. Older news never replace newer: by their revision, as long as it is the same bucket that counts them; by what
/// the cursors say themselves where it is another one, or an earlier state of it that came back.
/// </summary>
internal sealed class CursorCache(TimeProvider time)
{
    private readonly ConcurrentDictionary<string, StoredCursor> _latest = new(StringComparer.Ordinal);
    private readonly Signal _changed = new();

    public IReadOnlyCollection<string> WithClaims => [.. _latest.Where(one => !one.Value.Cursor.Open.IsEmpty).Select(one => one.Key)];

    /// <summary>All that is known now.</summary>
    public Dictionary<string, StoredCursor> All => _latest.ToDictionary(StringComparer.Ordinal);

    public StoredCursor? Latest(string key) => _latest.GetValueOrDefault(key);

    public Task ChangedAsync(CancellationToken ct) => _changed.Next.WaitAsync(ct);

    /// <summary>Takes note of a cursor; returns what is known then.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="cursor">The cursor.</param>
    /// <param name="revision">Its revision.</param>
    /// <param name="storedAt">When it was stored; null for one that this replica just wrote.</param>
    public StoredCursor Note(string key, Cursor cursor, ulong revision, DateTimeOffset? storedAt)
    {
        var isUrgent = false;
        var noted = _latest.AddOrUpdate(
            key,
            _ => Stored(cursor, revision, storedAt, null),
            (_, last) =>
            {
                var next = Next(last, cursor, revision, storedAt);
                isUrgent = !ReferenceEquals(next.Cursor, last.Cursor) && (cursor.Last < last.Cursor.Last || cursor.Open.Any(c => c.Replica == Claim.Nobody));
                return next;
            });
        if (isUrgent)
        {
            _changed.Set();
        }

        return noted;
    }

    /// <summary>Takes note that a cursor is gone; not of one that is remembered only, for who deleted it did not know of that.</summary>
    public void Forget(string key, ulong revision)
    {
        if (_latest.TryGetValue(key, out var last) && last.Revision > 0 && last.Revision < revision && _latest.TryRemove(KeyValuePair.Create(key, last)))
        {
            _changed.Set();
        }
    }

    /// <summary>Counts the time without renewal of all claims anew: while we heard nothing, nobody was silent.</summary>
    public void RestartLeases() => Replace(last => last.Cursor.Open.IsEmpty ? last : Stored(last.Cursor, last.Revision, last.StoredAt, null));

    /// <summary>The bucket is another one than that which all this was read from: what is known is no longer stored anywhere.</summary>
    public void Unstore() => Replace(Unstored);

    /// <summary>
    /// The bucket was read anew: what it does not have is no longer stored, and nothing is as it was known if one of its revisions is older than ours, for then
    /// an earlier state has come back.
    /// </summary>
    /// <param name="known">What was known before the reading.</param>
    /// <param name="found">The revisions of all that the bucket has.</param>
    /// <returns>Whether an earlier state has come back.</returns>
    public bool Unstore(Dictionary<string, StoredCursor> known, Dictionary<string, ulong> found)
    {
        var isEarlier = known.Any(one => found.TryGetValue(one.Key, out var revision) && revision < one.Value.Revision);
        foreach (var (key, last) in known.Where(one => isEarlier || !found.ContainsKey(one.Key)))
        {
            _latest.TryUpdate(key, Unstored(last), last);
        }

        return isEarlier;
    }

    private void Replace(Func<StoredCursor, StoredCursor> with)
    {
        foreach (var (key, last) in _latest)
        {
            _latest.TryUpdate(key, with(last), last);
        }
    }

    private StoredCursor Next(StoredCursor last, Cursor cursor, ulong revision, DateTimeOffset? storedAt)
    {
        if (revision < last.Revision)
        {
            return last;
        }

        if (revision > last.Revision && (last.Revision > 0 || storedAt is null))
        {
            return Stored(cursor, revision, storedAt, last);
        }

        // What is remembered may be ahead of what is stored. A write has to name what is stored all the same.
        return cursor == last.Cursor || last.Cursor.IsLaterThan(cursor)
            ? last with { Revision = revision, StoredAt = last.StoredAt ?? storedAt }
            : Stored(cursor, revision, storedAt, last);
    }

    private StoredCursor Unstored(StoredCursor last) => Stored(last.Cursor, 0, null, null);

    private StoredCursor Stored(Cursor cursor, ulong revision, DateTimeOffset? storedAt, StoredCursor? last)
    {
        var now = time.GetTimestamp();
        return new StoredCursor(
            cursor, revision, storedAt, cursor.Open.Distinct().ToDictionary(c => c, c => last is not null && last.Renewed.TryGetValue(c, out var since) ? since : now));
    }
}
