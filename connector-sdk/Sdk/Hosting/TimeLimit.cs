using System.Collections.Concurrent;

namespace Connectors.Sdk.Hosting;

/// <summary>
/// A time limit for something that others may cancel too: one token for both, and an answer to which it was. A caller who cancelled counts first, even
/// where the time is over as well. What holds the token has ended when the limit is disposed of: the token then serves the next limit.
/// <code>
/// using var limit = new TimeLimit(options.Timeout, time, abort);
/// try { await SendAsync(limit.Token); }
/// catch (OperationCanceledException) when (limit.IsOver) { … }
/// </code>
/// </summary>
public sealed class TimeLimit : IDisposable
{
    private const int Running = 0;
    private const int Cancelled = 1;
    private const int Ended = 2;

    // Most limits end unused: their sources, with a timer each, are for the next.
    private static readonly ConcurrentBag<CancellationTokenSource> Spare = [];

    private readonly CancellationTokenSource _source;
    private readonly CancellationToken _first;
    private readonly CancellationToken _second;
    private readonly CancellationTokenSource? _others;
    private readonly CancellationTokenRegistration _ofFirst;
    private readonly CancellationTokenRegistration _ofSecond;
    private int _state;

    /// <summary>Starts the clock.</summary>
    /// <param name="limit">How long; beyond <see cref="GoDuration.Max"/> it counts as that. <see cref="Timeout.InfiniteTimeSpan"/> for no limit.</param>
    /// <param name="time">The clock.</param>
    /// <param name="callers">What cancels before the time is over.</param>
    public TimeLimit(TimeSpan limit, TimeProvider time, params ReadOnlySpan<CancellationToken> callers)
    {
        _source = Begin(limit > GoDuration.Max ? GoDuration.Max : limit, time);
        _others = callers.Length > 2 ? CancellationTokenSource.CreateLinkedTokenSource(callers[1..]) : null;
        _first = callers.Length > 0 ? callers[0] : default;
        _second = _others?.Token ?? (callers.Length > 1 ? callers[1] : default);
        _ofFirst = _first.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), _source);
        _ofSecond = _second.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), _source);
    }

    /// <summary>Cancelled when the time is over or a caller cancels.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Whether the time is over, and no caller cancelled.</summary>
    public bool IsOver => _source.IsCancellationRequested && !IsCancelled;

    /// <summary>Whether a caller cancelled.</summary>
    public bool IsCancelled => _first.IsCancellationRequested || _second.IsCancellationRequested || Volatile.Read(ref _state) == Cancelled;

    /// <summary>Cancels, as a caller does. Without effect once the limit is disposed of.</summary>
    public void Cancel()
    {
        if (Interlocked.CompareExchange(ref _state, Cancelled, Running) == Running)
        {
            try
            {
                _source.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // It ended meanwhile.
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // Waits for a caller who is cancelling right now: nothing of this limit reaches the next.
        _ofFirst.Dispose();
        _ofSecond.Dispose();
        _others?.Dispose();

        // Nor does one who calls Cancel: it comes too late, or has the source to itself.
        if (Interlocked.Exchange(ref _state, Ended) == Running && _source.TryReset())
        {
            Spare.Add(_source);
        }
        else
        {
            _source.Dispose();
        }
    }

    private static CancellationTokenSource Begin(TimeSpan limit, TimeProvider time)
    {
        // Only those of the system's clock can be reset.
        if (time != TimeProvider.System || limit == TimeSpan.Zero)
        {
            return new CancellationTokenSource(limit, time);
        }

        var source = Spare.TryTake(out var spare) ? spare : new CancellationTokenSource();
        if (limit != Timeout.InfiniteTimeSpan)
        {
            source.CancelAfter(limit);
        }

        return source;
    }
}
