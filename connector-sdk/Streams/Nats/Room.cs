namespace Connectors.Streams.Nats;

/// <summary>So many bytes that may be in use at once. Who finds too few free waits, in the order of coming.</summary>
/// <param name="total">How many.</param>
public sealed class Room(long total)
{
    // Guards how much is free, and who waits for some.
    private readonly Lock _lock = new();
    private readonly LinkedList<(long Bytes, TaskCompletionSource Free)> _waiting = [];
    private long _free = total;

    /// <summary>All of them.</summary>
    public long Total { get; } = total;

    /// <summary>Takes some. More than there are at all are taken once all are free.</summary>
    /// <param name="bytes">How many; the same are to be given back.</param>
    /// <param name="ct">Gives up waiting; throws, and nothing is taken.</param>
    public Task TakeAsync(long bytes, CancellationToken ct = default)
    {
        LinkedListNode<(long Bytes, TaskCompletionSource Free)> wish;
        lock (_lock)
        {
            if (_waiting.Count == 0 && TryTake(bytes))
            {
                return Task.CompletedTask;
            }

            wish = _waiting.AddLast((bytes, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)));
        }

        return WaitAsync(wish, ct);
    }

    /// <summary>Does something for which some are taken, and gives them back.</summary>
    /// <param name="bytes">How many.</param>
    /// <param name="use">What is done.</param>
    /// <param name="ct">Gives up waiting.</param>
    public async Task<T> UseAsync<T>(long bytes, Func<Task<T>> use, CancellationToken ct)
    {
        await TakeAsync(bytes, ct);
        try
        {
            return await use();
        }
        finally
        {
            Release(bytes);
        }
    }

    /// <summary>Gives back what was taken.</summary>
    public void Release(long bytes)
    {
        lock (_lock)
        {
            _free += Math.Min(bytes, Total);
            Serve();
        }
    }

    private async Task WaitAsync(LinkedListNode<(long Bytes, TaskCompletionSource Free)> wish, CancellationToken ct)
    {
        await using var end = ct.UnsafeRegister(_ => GiveUp(wish, ct), null);
        await wish.Value.Free.Task;
    }

    private void GiveUp(LinkedListNode<(long Bytes, TaskCompletionSource Free)> wish, CancellationToken ct)
    {
        lock (_lock)
        {
            if (wish.List is not null)
            {
                _waiting.Remove(wish);
                wish.Value.Free.TrySetCanceled(ct);
                Serve();
            }
        }
    }

    private void Serve()
    {
        while (_waiting.First is { } first && TryTake(first.Value.Bytes))
        {
            _waiting.RemoveFirst();
            first.Value.Free.TrySetResult();
        }
    }

    private bool TryTake(long bytes)
    {
        var taken = Math.Min(bytes, Total);
        if (taken > _free)
        {
            return false;
        }

        _free -= taken;
        return true;
    }
}
