using System.Collections.Concurrent;
using Connectors.Sdk.Hosting;

namespace Connectors.Cron.Cursors;

/// <summary>What this replica last heard of each cursor. Older news never replace newer.</summary>
internal sealed class CursorCache(TimeProvider time)
{
    private readonly ConcurrentDictionary<string, StoredCursor> _latest = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, ulong> _withClaims = new(StringComparer.Ordinal);
    private readonly Signal _changed = new();

    public IReadOnlyCollection<string> WithClaims => (IReadOnlyCollection<string>)_withClaims.Keys;

    public StoredCursor? Latest(string key) => _latest.GetValueOrDefault(key);

    public Task ChangedAsync(CancellationToken ct) => _changed.Next.WaitAsync(ct);

    /// <summary>Takes note of a cursor; returns what is known then.</summary>
    public StoredCursor Note(string key, Cursor cursor, ulong revision, DateTimeOffset? storedAt)
    {
        var isUrgent = false;
        var noted = _latest.AddOrUpdate(
            key,
            _ => Stored(cursor, revision, storedAt, null),
            (_, last) =>
            {
                isUrgent = revision > last.Revision && (cursor.Last < last.Cursor.Last || cursor.Open.Any(c => c.Replica == Claim.Nobody));
                return revision > last.Revision ? Stored(cursor, revision, storedAt, last)
                    : revision == last.Revision && last.StoredAt is null ? last with { StoredAt = storedAt }
                    : last;
            });
        if (noted.Cursor.Open.IsEmpty)
        {
            _withClaims.TryRemove(key, out _);
        }
        else
        {
            _withClaims[key] = noted.Revision;
        }

        if (isUrgent)
        {
            _changed.Set();
        }

        return noted;
    }

    /// <summary>Takes note that a cursor is gone.</summary>
    public void Forget(string key, ulong revision)
    {
        if (_latest.TryGetValue(key, out var last) && last.Revision < revision && _latest.TryRemove(KeyValuePair.Create(key, last)))
        {
            _withClaims.TryRemove(key, out _);
            _changed.Set();
        }
    }

    /// <summary>Counts the time without renewal of all claims anew: while we heard nothing, nobody was silent.</summary>
    public void RestartLeases() => Replace(last => last.Cursor.Open.IsEmpty ? last : Stored(last.Cursor, last.Revision, last.StoredAt, null));

    /// <summary>The bucket is another one than that which all this was read from: what is known is no longer stored anywhere.</summary>
    public void Unstore() => Replace(last => Stored(last.Cursor, 0, null, null));

    private void Replace(Func<StoredCursor, StoredCursor> with)
    {
        foreach (var (key, last) in _latest)
        {
            _latest.TryUpdate(key, with(last), last);
        }
    }

    private StoredCursor Stored(Cursor cursor, ulong revision, DateTimeOffset? storedAt, StoredCursor? last)
    {
        var now = time.GetTimestamp();
        return new StoredCursor(
            cursor, revision, storedAt, cursor.Open.Distinct().ToDictionary(c => c, c => last is not null && last.Renewed.TryGetValue(c, out var since) ? since : now));
    }
}
