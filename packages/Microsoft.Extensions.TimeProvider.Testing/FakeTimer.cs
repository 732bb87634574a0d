namespace Microsoft.Extensions.Time.Testing;

internal sealed class FakeTimer(FakeTimeProvider clock, TimerCallback callback, object? state) : ITimer
{
    // The longest that System.Threading.Timer takes.
    private const long LongestMilliseconds = 0xfffffffe;

    private volatile bool _isDisposed;

    public TimeSpan Period { get; private set; }

    /// <summary>Owned by the clock, under its lock.</summary>
    public Appointment? Next { get; set; }

    public void Fire() => callback(state);

    public bool Change(TimeSpan dueTime, TimeSpan period)
    {
        CheckRange(dueTime, nameof(dueTime));
        CheckRange(period, nameof(period));
        if (_isDisposed)
        {
            return false;
        }

        Period = period;
        clock.Schedule(this, dueTime < TimeSpan.Zero ? null : dueTime);
        return true;
    }

    public void Dispose()
    {
        _isDisposed = true;
        clock.Schedule(this, null);
    }

    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    private static void CheckRange(TimeSpan span, string name)
    {
        var milliseconds = (long)span.TotalMilliseconds;
        ArgumentOutOfRangeException.ThrowIfLessThan(milliseconds, -1, name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(milliseconds, LongestMilliseconds, name);
    }
}
