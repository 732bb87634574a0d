namespace Connectors.Sdk.Events;

/// <summary>How many events may run at once: never fetch what cannot run. Only the pump takes slots, so what is free stays free until it is used by what was yielded.</summary>
public sealed class Slots(int total)
{
    // Guards _taken and _changed together.
    private readonly Lock _gate = new();
    private int _taken;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>All slots.</summary>
    public int Total => total;

    /// <summary>How many events, yielded now, would start at once.</summary>
    public int Free
    {
        get
        {
            lock (_gate)
            {
                return total - _taken;
            }
        }
    }

    /// <summary>Waits until a slot is free, and takes none.</summary>
    public Task WhenFreeAsync(CancellationToken ct) => WhenFreeAsync(1, ct);

    /// <summary>Waits until so many are free, and takes none.</summary>
    public async Task WhenFreeAsync(int count, CancellationToken ct)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (total - _taken >= count)
                {
                    return;
                }

                changed = _changed.Task;
            }

            await changed.WaitAsync(ct);
        }
    }

    internal void Take()
    {
        lock (_gate)
        {
            _taken++;
        }
    }

    internal void Release()
    {
        TaskCompletionSource changed;
        lock (_gate)
        {
            _taken--;
            changed = _changed;
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        changed.SetResult();
    }
}
