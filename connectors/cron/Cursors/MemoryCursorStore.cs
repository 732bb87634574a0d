namespace Connectors.Cron.Cursors;

/// <summary>Cursors of the only replica: gone with the process.</summary>
internal sealed class MemoryCursorStore(TimeProvider time) : ICursorStore
{
    // Guards reading and writing as one step.
    private readonly Lock _gate = new();
    private readonly CursorCache _cache = new(time);
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
            return Task.FromResult(true);
        }
    }

    public Task ChangedAsync(CancellationToken ct) => _cache.ChangedAsync(ct);
}
