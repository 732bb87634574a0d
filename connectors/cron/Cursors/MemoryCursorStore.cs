namespace Connectors.Cron.Cursors;

/// <summary>Cursors of the only replica: gone with the process.</summary>
internal sealed class MemoryCursorStore(TimeProvider time) : ICursorStore
{
    // Guards reading and writing as one step.
    private readonly Lock _gate = new();
    private readonly Mirror _mirror = new(time);
    private ulong _revision;

    public IReadOnlyCollection<string> WithClaims => _mirror.WithClaims;

    public Task ReadyAsync(CancellationToken ct) => Task.CompletedTask;

    public Sighting? Seen(string key) => _mirror.Seen(key);

    public Task<Sighting?> GetAsync(string key, CancellationToken ct) => Task.FromResult(Seen(key));

    public Task<bool> TryWriteAsync(string key, Cursor cursor, Sighting? seen, CancellationToken ct)
    {
        lock (_gate)
        {
            if (Seen(key)?.Revision != seen?.Revision)
            {
                return Task.FromResult(false);
            }

            _mirror.Note(key, cursor, ++_revision);
            return Task.FromResult(true);
        }
    }

    public Task ChangedAsync(CancellationToken ct) => _mirror.ChangedAsync(ct);
}
