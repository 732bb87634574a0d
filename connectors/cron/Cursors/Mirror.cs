using System.Collections.Concurrent;

namespace Connectors.Cron.Cursors;

/// <summary>What this replica last heard of each cursor. Older news never replace newer.</summary>
internal sealed class Mirror(TimeProvider time)
{
    private readonly ConcurrentDictionary<string, Sighting> _seen = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, ulong> _withClaims = new(StringComparer.Ordinal);
    private volatile TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public IReadOnlyCollection<string> WithClaims => (IReadOnlyCollection<string>)_withClaims.Keys;

    public Sighting? Seen(string key) => _seen.GetValueOrDefault(key);

    public Task ChangedAsync(CancellationToken ct) => _changed.Task.WaitAsync(ct);

    /// <summary>Takes note of a cursor; returns what is known then.</summary>
    public Sighting Note(string key, Cursor cursor, ulong revision)
    {
        var isUrgent = false;
        var noted = _seen.AddOrUpdate(
            key,
            _ => Sight(cursor, revision, null),
            (_, last) =>
            {
                isUrgent = revision > last.Revision && (cursor.Last < last.Cursor.Last || cursor.Open.Any(c => c.Replica == Claim.Nobody));
                return revision > last.Revision ? Sight(cursor, revision, last) : last;
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
            Change();
        }

        return noted;
    }

    /// <summary>Takes note that a cursor is gone.</summary>
    public void Forget(string key, ulong revision)
    {
        if (_seen.TryGetValue(key, out var last) && last.Revision < revision && _seen.TryRemove(KeyValuePair.Create(key, last)))
        {
            _withClaims.TryRemove(key, out _);
            Change();
        }
    }

    /// <summary>Counts the silence of all claims anew: while we heard nothing, nobody was silent.</summary>
    public void Restart()
    {
        foreach (var (key, sighting) in _seen.Where(s => !s.Value.Cursor.Open.IsEmpty))
        {
            _seen.TryUpdate(key, Sight(sighting.Cursor, sighting.Revision, null), sighting);
        }
    }

    private void Change()
    {
        var changed = _changed;
        _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        changed.TrySetResult();
    }

    private Sighting Sight(Cursor cursor, ulong revision, Sighting? last)
    {
        var now = time.GetTimestamp();
        return new Sighting(cursor, revision, cursor.Open.Distinct().ToDictionary(c => c, c => last is not null && last.Since.TryGetValue(c, out var since) ? since : now));
    }
}
