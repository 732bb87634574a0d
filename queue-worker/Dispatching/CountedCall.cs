using System.Collections.Concurrent;
using Connectors.Streams.Records;
using Prometheus;

namespace Connectors.QueueWorker.Dispatching;

/// <summary>One call of a function while it is counted; the function's series stay at least until this is disposed.</summary>
/// <param name="series">Where it is counted.</param>
/// <param name="function">The function as log lines and reports name it, whatever its label is.</param>
internal sealed class CountedCall(FunctionSeries series, string function) : IDisposable
{
    public string Function => function;

    /// <summary>It is sent for the first time, so long after it was accepted.</summary>
    public void Waited(TimeSpan time) => series.QueueTime.Observe(time.TotalSeconds);

    public void Began()
    {
        series.Inflight.Inc();
        Metrics.Began(function);
    }

    public void Over()
    {
        series.Inflight.Dec();
        Metrics.Over(function);
    }

    public void Attempted(int status, TimeSpan took) => series.Attempted(status, took);

    public void Dispose() => series.Release();
}

/// <summary>A function's own of the metrics of calls, looked up once.</summary>
internal sealed class FunctionSeries
{
    private readonly ConcurrentDictionary<int, Counter.Child> _attempts = new();
    private readonly ConcurrentDictionary<string, Counter.Child> _ends = new();

    // By calls that are being counted; far below zero once it has ended.
    private int _held;

    // 1 if it was held since somebody asked.
    private int _isUsed;

    public FunctionSeries(string queue, string function)
    {
        (Queue, Function) = (queue, function);

        // Shown before there is one: an increase is seen only from one sample to the next.
        EndsOf(StoredResult.Succeeded);
    }

    public string Queue { get; }

    /// <summary>The function's label.</summary>
    public string Function { get; }

    public required Gauge.Child Inflight { get; init; }

    public required Histogram.Child Duration { get; init; }

    public required Histogram.Child QueueTime { get; init; }

    /// <summary>When a call was seen last, as a timestamp; by whoever asks for its use, and nobody else.</summary>
    public long LastUse { get; set; }

    public IEnumerable<int> Statuses => _attempts.Keys;

    public IEnumerable<string> Ends => _ends.Keys;

    /// <summary>False once it has ended.</summary>
    public bool TryHold()
    {
        if (Interlocked.Increment(ref _held) > 0)
        {
            Volatile.Write(ref _isUsed, 1);
            return true;
        }

        Interlocked.Decrement(ref _held);
        return false;
    }

    public void Release() => Interlocked.Decrement(ref _held);

    /// <summary>Whether it is held, or was since this was asked last.</summary>
    public bool TakeUse() => Interlocked.Exchange(ref _isUsed, 0) == 1 || Volatile.Read(ref _held) > 0;

    /// <summary>Ends it, unless it is held, or was since its use was asked for last.</summary>
    public bool TryEnd() => Volatile.Read(ref _isUsed) == 0 && Interlocked.CompareExchange(ref _held, int.MinValue, 0) == 0;

    public void Attempted(int status, TimeSpan took)
    {
        _attempts.GetOrAdd(status, static (code, own) => Metrics.Attempts(own.Queue, own.Function, code), this).Inc();
        Duration.Observe(took.TotalSeconds);
    }

    public void Ended(string end) => EndsOf(end).Inc();

    private Counter.Child EndsOf(string end) => _ends.GetOrAdd(end, static (word, own) => Metrics.EndsOf(own.Queue, own.Function, word), this);
}
