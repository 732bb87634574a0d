namespace Connectors.Cron.Cursors;

/// <summary>Cursors of the only replica: gone with the process, and those of schedules that were removed some time after that.</summary>
internal sealed class MemoryCursorStore(TimeProvider time) : ICursorStore
{
    /// <summary>For how long a schedule that is removed is remembered, should it return.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromDays(7);

    // Guards reading and writing as one step.
    private readonly Lock _gate = new();
    private readonly CursorCache _cache = new(time);
    private readonly Queue<(string Key, ulong Revision, long At)> _removed = new();
    private ulong _revision;

    public IReadOnlyCollection<string> WithClaims => _cache.WithClaims;

    public Task ReadyAsync(CancellationToken ct) => Task.CompletedTask;

    public StoredCursor? Latest(string key) => _cache.Latest(key);

    public Task<StoredCursor?> GetAsync(string key, CancellationToken ct) => Task.FromResult(Latest(key));

    public Task<bool> TryWriteAsync(string key, Cursor cursor, StoredCursor? replaces, CancellationToken ct)
    {
        lock (_gate)
        {
            if (Latest(key)?.Revision != replaces?.Revision)
            {
                return Task.FromResult(false);
            }

            _cache.Note(key, cursor, ++_revision, DateTimeOffset.MinValue);
            if (cursor.IsRemoved)
            {
                _removed.Enqueue((key, _revision, time.GetTimestamp()));
            }

            ForgetRemoved();
            return Task.FromResult(true);
        }
    }

    public Task ChangedAsync(CancellationToken ct) => _cache.ChangedAsync(ct);

    // Not one that was written since: its schedule is back.
    private void ForgetRemoved()
    {
        while (_removed.TryPeek(out var removed) && time.GetElapsedTime(removed.At) >= Kept)
        {
            _removed.Dequeue();
            if (Latest(removed.Key)?.Revision == removed.Revision)
            {
                _cache.Forget(removed.Key, removed.Revision + 1);
            }
        }
    }
}
