using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Deploying;

/// <summary>One change of a function at a time, and changes of different functions side by side: one that ends slowly keeps nobody else waiting.</summary>
internal sealed class FunctionLocks
{
    // Itself the lock that guards the counts: a lock is gone when nobody holds it or waits for it.
    private readonly Dictionary<FunctionName, Entry> _entries = [];

    /// <summary>Waits for the function's lock, until <paramref name="ct"/>, and holds it until the result is disposed.</summary>
    public async Task<IDisposable> EnterAsync(FunctionName function, CancellationToken ct)
    {
        Entry? entry;
        lock (_entries)
        {
            if (!_entries.TryGetValue(function, out entry))
            {
                _entries[function] = entry = new Entry();
            }

            entry.Users++;
        }

        try
        {
            await entry.WaitAsync(ct);
        }
        catch
        {
            Leave(function, entry, isHeld: false);
            throw;
        }

        return new Held(this, function, entry);
    }

    private void Leave(FunctionName function, Entry entry, bool isHeld)
    {
        lock (_entries)
        {
            if (isHeld)
            {
                entry.Release();
            }

            if (--entry.Users == 0)
            {
                _entries.Remove(function);
                entry.Dispose();
            }
        }
    }

    private sealed class Entry() : SemaphoreSlim(1, 1)
    {
        public int Users { get; set; }
    }

    private sealed class Held(FunctionLocks locks, FunctionName function, Entry entry) : IDisposable
    {
        public void Dispose() => locks.Leave(function, entry, isHeld: true);
    }
}
