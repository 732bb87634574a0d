namespace Connectors.Sdk.Hosting;

/// <summary>
/// Wakes all who wait for something to change. Nothing is missed by whoever takes <see cref="Next"/> first, then looks, then waits:
/// <code>
/// var changed = signal.Next;
/// if (!IsThere()) { await changed.WaitAsync(ct); }
/// </code>
/// Who changes something changes it first, then calls <see cref="Set"/>.
/// </summary>
public sealed class Signal
{
    private TaskCompletionSource _next = New();

    /// <summary>Completed by the next <see cref="Set"/>.</summary>
    public Task Next => Volatile.Read(ref _next).Task;

    /// <summary>Wakes all who wait. They go on elsewhere, not inside this call.</summary>
    public void Set() => Interlocked.Exchange(ref _next, New()).SetResult();

    /// <summary>Waits until a condition holds that changes only with this signal; it is looked at now and after each <see cref="Set"/>.</summary>
    public async Task UntilAsync(Func<bool> condition, CancellationToken ct)
    {
        while (true)
        {
            var changed = Next;
            if (condition())
            {
                return;
            }

            await changed.WaitAsync(ct);
        }
    }

    /// <summary>Waits for a <see cref="Next"/> that was taken before, but not for ever. False means that the time was over first.</summary>
    /// <param name="next">What was taken.</param>
    /// <param name="limit">How long; beyond <see cref="GoDuration.Max"/> it counts as that.</param>
    /// <param name="time">The clock.</param>
    /// <param name="ct">Ends the wait; it throws.</param>
    public static async Task<bool> CameAsync(Task next, TimeSpan limit, TimeProvider time, CancellationToken ct)
    {
        await next.WaitAsync(limit > GoDuration.Max ? GoDuration.Max : limit, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        ct.ThrowIfCancellationRequested();
        return next.IsCompleted;
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
