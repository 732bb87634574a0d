using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Dispatching;

/// <summary>
/// What this worker knows to be paused in its queue, and not to be reached: from the watch, and of what it wrote itself at once. Each change costs what it is of,
/// however much is known beside it.
/// </summary>
internal sealed class KnownPauses(string queue, TimeProvider time, ILogger log)
{
    // Guards what follows, and that one change of what is known is told after the other: the watch tells them, and whoever wrote one.
    private readonly Lock _lock = new();
    private PausedSet _told = PausedSet.None;
    private bool _isAllTold;

    // The revision that the watch told last, whatever it was of.
    private ulong _lastTold;
    private volatile PausedSet _now = PausedSet.None;

    /// <summary>Called with the functions of which something changed; with none when the queue was paused or resumed.</summary>
    public Action<IReadOnlyCollection<FunctionName>>? Changed { get; set; }

    /// <summary>Called when a function's breaker was closed.</summary>
    public Action<FunctionName>? Closed { get; set; }

    /// <summary>What is known.</summary>
    public PausedSet Now => _now;

    /// <summary>A watch begins, and tells all anew. Until it has, what was known before holds.</summary>
    public void Begin()
    {
        lock (_lock)
        {
            (_told, _isAllTold, _lastTold) = (PausedSet.None, false, 0);
        }
    }

    /// <summary>The watch tells an entry, of this queue or of another: in either case nothing that is told later is older.</summary>
    public void Hear(BucketEntry entry)
    {
        FunctionName? of = null;
        bool isNews;
        lock (_lock)
        {
            _lastTold = entry.Revision;
            if (Pause.OfKey(entry.Key) is (var ofQueue, var function) && ofQueue == queue)
            {
                of = function;
                _told = _told.With(function, entry.Value is { } value ? Pause.Decode(value, entry.Created) : null);
            }
            else if (OpenBreaker.OfKey(entry.Key) is (var itsQueue, var broken) && itsQueue == queue)
            {
                of = broken;
                _told = _told.Told(broken, new KnownBreaker(OpenBreaker.TryDecode(entry.Value), entry.Revision, time.GetTimestamp()));
            }

            isNews = _isAllTold && Take(_told, of);
        }

        if (isNews)
        {
            FunctionName[] functions = of is { } one ? [one] : [];
            Changed?.Invoke(functions);
        }
    }

    /// <summary>The watch has told all that was there, which stands for the bucket as a whole: a pause that is not among it has ended meanwhile.</summary>
    public void HeardAll()
    {
        HashSet<FunctionName> functions;
        lock (_lock)
        {
            _isAllTold = true;
            functions = TakeAll(_told);
        }

        Changed?.Invoke(functions);
    }

    /// <summary>This worker's own doing, or what it came upon: the watch tells it later.</summary>
    /// <param name="function">The function.</param>
    /// <param name="breaker">Its breaker; null for one that was closed.</param>
    /// <param name="revision">The revision of its record, or of the deletion.</param>
    public void Know(FunctionName function, OpenBreaker? breaker, ulong revision)
    {
        var known = new KnownBreaker(breaker, revision, time.GetTimestamp());
        Learn(function, (set, told) => set.With(function, known, told));
    }

    /// <summary>A breaker that was known is not in the bucket any more.</summary>
    public void Forget(FunctionName function, KnownBreaker gone) => Learn(function, (set, told) => set.Without(function, gone, told));

    // While not all is told, what was known before holds beside it.
    private void Learn(FunctionName function, Func<PausedSet, ulong, PausedSet> learn)
    {
        bool isNews;
        lock (_lock)
        {
            _told = learn(_told, _lastTold);
            isNews = Take(_isAllTold ? _told : learn(_now, 0), function);
        }

        if (isNews)
        {
            Changed?.Invoke([function]);
        }
    }

    // What is known differs from what was known in one function, or in whether the queue is paused; or in nothing, which is false.
    private bool Take(PausedSet next, FunctionName? of)
    {
        var last = _now;
        if (next == last)
        {
            return false;
        }

        _now = next;
        if (of is { } function)
        {
            Tell(function, last, next);
        }
        else
        {
            TellQueue(last, next);
        }

        return true;
    }

    // In whatever it differs.
    private HashSet<FunctionName> TakeAll(PausedSet next)
    {
        var last = _now;
        _now = next;
        TellQueue(last, next);
        HashSet<FunctionName> functions = [.. last.Functions.Keys, .. next.Functions.Keys, .. last.Breakers.Keys, .. next.Breakers.Keys];
        foreach (var function in functions)
        {
            Tell(function, last, next);
        }

        return functions;
    }

    private void TellQueue(PausedSet last, PausedSet next)
    {
        Metrics.Paused(queue, next.Queue is not null);
        Tell("", last.Queue, next.Queue);
    }

    private void Tell(FunctionName function, PausedSet last, PausedSet next)
    {
        Tell(function.ToString(), last.Functions.GetValueOrDefault(function), next.Functions.GetValueOrDefault(function));
        var (was, isNow) = (last.Breakers.GetValueOrDefault(function)?.Breaker, next.Breakers.GetValueOrDefault(function)?.Breaker);
        if (was != isNow)
        {
            Tell(function, was, isNow);
        }
    }

    private void Tell(FunctionName function, OpenBreaker? last, OpenBreaker? next)
    {
        Metrics.Breaker(queue, function, isOpen: next is not null);
        if (last is null && next is not null)
        {
            Log.BreakerOpened(log, queue, function.ToString(), next.Reason, next.ProbeAt);
        }
        else if (last is not null && next is null)
        {
            Log.BreakerClosed(log, queue, function.ToString());
            Closed?.Invoke(function);
        }
        else if (next?.ProbeAt > last?.ProbeAt)
        {
            // An earlier time is that of a probe which was not sent.
            Log.BreakerProbes(log, queue, function.ToString(), next!.ProbeAt);
        }
    }

    private void Tell(string function, Pause? last, Pause? next)
    {
        if (last is null && next is not null)
        {
            Log.Paused(log, queue, function, next.Reason, next.By, next.At);
        }
        else if (last is not null && next is null)
        {
            Log.Resumed(log, queue, function);
        }
    }
}
