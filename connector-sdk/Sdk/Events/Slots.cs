using Connectors.Sdk.Hosting;

namespace Connectors.Sdk.Events;

/// <summary>How many events may run at once: never fetch what cannot run. Only the pump takes slots, so what is free stays free until it is used by what was yielded.</summary>
public sealed class Slots(int total)
{
    private readonly Signal _released = new();
    private int _taken;

    /// <summary>All slots.</summary>
    public int Total => total;

    /// <summary>How many events, yielded now, would start at once.</summary>
    public int Free => total - Volatile.Read(ref _taken);

    /// <summary>Waits until a slot is free, and takes none.</summary>
    public Task WhenFreeAsync(CancellationToken ct) => WhenFreeAsync(1, ct);

    /// <summary>Waits until so many are free, and takes none.</summary>
    public Task WhenFreeAsync(int count, CancellationToken ct) => _released.UntilAsync(() => Free >= count, ct);

    internal void Take() => Interlocked.Increment(ref _taken);

    internal void Release()
    {
        Interlocked.Decrement(ref _taken);
        _released.Set();
    }
}
