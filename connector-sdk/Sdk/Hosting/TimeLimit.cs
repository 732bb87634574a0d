namespace Connectors.Sdk.Hosting;

/// <summary>
/// A time limit for something that others may cancel too: one token for both, and an answer to which it was. A caller who cancelled counts first, even
/// where the time is over as well.
/// <code>
/// using var limit = new TimeLimit(options.Timeout, time, abort);
/// try { await SendAsync(limit.Token); }
/// catch (OperationCanceledException) when (limit.IsOver) { … }
/// </code>
/// </summary>
public sealed class TimeLimit : IDisposable
{
    private readonly CancellationTokenSource _timer;
    private readonly CancellationTokenSource _callers;
    private readonly CancellationTokenSource _either;

    /// <summary>Starts the clock.</summary>
    /// <param name="limit">How long; beyond <see cref="GoDuration.Max"/> it counts as that. <see cref="Timeout.InfiniteTimeSpan"/> for no limit.</param>
    /// <param name="time">The clock.</param>
    /// <param name="callers">What cancels before the time is over.</param>
    public TimeLimit(TimeSpan limit, TimeProvider time, params ReadOnlySpan<CancellationToken> callers)
    {
        _timer = new CancellationTokenSource(limit > GoDuration.Max ? GoDuration.Max : limit, time);
        _callers = callers.IsEmpty ? new CancellationTokenSource() : CancellationTokenSource.CreateLinkedTokenSource(callers);
        _either = CancellationTokenSource.CreateLinkedTokenSource(_timer.Token, _callers.Token);
    }

    /// <summary>Cancelled when the time is over or a caller cancels.</summary>
    public CancellationToken Token => _either.Token;

    /// <summary>Whether the time is over, and no caller cancelled.</summary>
    public bool IsOver => _timer.IsCancellationRequested && !_callers.IsCancellationRequested;

    /// <inheritdoc/>
    public void Dispose()
    {
        _either.Dispose();
        _callers.Dispose();
        _timer.Dispose();
    }
}
