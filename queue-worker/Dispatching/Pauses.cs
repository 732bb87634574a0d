using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;

namespace Connectors.QueueWorker.Dispatching;

/// <summary>
/// What of this queue is paused, watched in <c>OF_paused</c> into memory. While the bucket cannot be read, what was known last holds; a worker that knows
/// nothing yet waits for it, but not for ever.
/// </summary>
internal sealed class Pauses(NatsLink link, QueueWorkerOptions options, TimeProvider time, ILogger<Pauses> log) : IDuty
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LoadLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan AfterFault = TimeSpan.FromSeconds(1);

    private readonly Bucket _bucket = new(link, BucketShape.Paused(options.Limits), Patience, time);
    private readonly TaskCompletionSource _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile PausedSet _now = PausedSet.None;

    // Guards what follows, and that one change of what is known is told after the other: the watch tells them, and whoever wrote one.
    private readonly Lock _lock = new();
    private PausedSet _told = PausedSet.None;
    private bool _isAllTold;

    /// <summary>Called when something was paused or resumed.</summary>
    public Action? Changed { get; set; }

    /// <summary>Called when a function's breaker was closed.</summary>
    public Action<FunctionName>? Closed { get; set; }

    /// <summary>Whether the whole queue is.</summary>
    public bool IsQueuePaused => _now.Queue is not null;

    /// <summary>The pauses of single functions.</summary>
    public IReadOnlyDictionary<FunctionName, Pause> Functions => _now.Functions;

    /// <summary>Whether the function itself is.</summary>
    public bool IsPaused(FunctionName function) => _now.Functions.ContainsKey(function);

    /// <summary>The function's breaker, if it is open.</summary>
    public OpenBreaker? BreakerOf(FunctionName function) => _now.Breakers.GetValueOrDefault(function)?.Breaker;

    /// <summary>The breakers that are open.</summary>
    public IEnumerable<KeyValuePair<FunctionName, KnownBreaker>> OpenBreakers => _now.Breakers.Where(known => known.Value.Breaker is not null);

    /// <summary>Until when a function's calls stay aside; null for not, the end of time for until somebody resumes it.</summary>
    public DateTimeOffset? HeldUntil(FunctionName function) => IsPaused(function) ? DateTimeOffset.MaxValue : ProbeAt(function);

    /// <summary>Opens a function's breaker for all workers. False if that could not be written down.</summary>
    public Task<bool> OpenAsync(FunctionName function, OpenBreaker breaker, CancellationToken ct) => TryWriteAsync(async () =>
    {
        var key = OpenBreaker.Key(options.Queue, function);
        if (await _bucket.TryCreateAsync(key, breaker.Encode(), ct) is { } revision)
        {
            Know(function, breaker, revision);
        }
        else if (await _bucket.FindAsync(key, ct) is { } found)
        {
            if (OpenBreaker.TryDecode(found.Value) is { } quicker)
            {
                Know(function, quicker, found.Revision);
            }
            else if (await _bucket.TryUpdateAsync(key, breaker.Encode(), found.Revision, ct) is { } replaced)
            {
                // Nobody reads what is there, and nobody would probe by it.
                Know(function, breaker, replaced);
            }
            else
            {
                return false;
            }
        }

        return true;
    });

    /// <summary>Closes a function's breaker. If that cannot be written down, the next call that reaches it does.</summary>
    public Task CloseAsync(FunctionName function, CancellationToken ct) => TryWriteAsync(async () =>
    {
        if (_now.Breakers.GetValueOrDefault(function) is { Breaker: not null } known && !await TryDeleteAsync(function, known, ct))
        {
            await _bucket.DeleteAsync(OpenBreaker.Key(options.Queue, function), ct);
        }

        return true;
    });

    /// <summary>Closes a function's breaker if it is still as it was known; not if it was written since, as for a probe.</summary>
    public Task CloseAsync(FunctionName function, KnownBreaker known, CancellationToken ct) => TryWriteAsync(() => TryDeleteAsync(function, known, ct));

    /// <summary>Whether this worker may send the one call that is due as a probe: of several that ask, one may.</summary>
    public Task<bool> TryClaimProbeAsync(FunctionName function, CancellationToken ct) => TryWriteAsync(async () =>
    {
        var now = time.GetUtcNow();
        if (_now.Breakers.GetValueOrDefault(function) is not ({ } breaker, var revision, _) || ProbeAt(function) > now)
        {
            return false;
        }

        var probed = breaker.Probed(now);
        if (await _bucket.TryUpdateAsync(OpenBreaker.Key(options.Queue, function), probed.Encode(), revision, ct) is not { } next)
        {
            return false;
        }

        Know(function, probed, next);
        return true;
    });

    /// <summary>
    /// Gives the right to send a probe back, for that call came to its end unsent: the next may be sent at once. Nothing is done if the breaker was changed
    /// meanwhile; where it cannot be written down, the next probe is sent at the time in the record. Never throws: the call has ended all the same.
    /// </summary>
    public async Task ReleaseProbeAsync(FunctionName function, CancellationToken ct)
    {
        try
        {
            var key = OpenBreaker.Key(options.Queue, function);
            if (await _bucket.FindAsync(key, ct) is { } found && OpenBreaker.TryDecode(found.Value) is { } claimed)
            {
                // Another worker's claim, of which this one may not have heard yet.
                Know(function, claimed, found.Revision);
            }

            var now = time.GetUtcNow();
            if (_now.Breakers.GetValueOrDefault(function) is not ({ } breaker, var revision, _) || breaker.ProbeAt <= now)
            {
                return;
            }

            var released = breaker.Released(now);
            if (await _bucket.TryUpdateAsync(key, released.Encode(), revision, ct) is { } next)
            {
                Know(function, released, next);
            }
        }
        catch (Exception fault)
        {
            Log.PausesUnseen(log, StreamNames.Paused, fault.Message);
        }
    }

    /// <summary>Done once everything that was paused at start is known, or cannot be read for so long that calls go on without.</summary>
    public async ValueTask LoadedAsync(CancellationToken ct)
    {
        if (!_loaded.Task.IsCompleted && !await Signal.CameAsync(_loaded.Task, LoadLimit, time, ct))
        {
            // A bucket that may not be read must not stop the queue.
            _loaded.TrySetResult();
        }
    }

    public async Task RunAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await WatchAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception fault)
            {
                Log.PausesUnseen(log, StreamNames.Paused, fault.Message);
            }

            await Task.Delay(AfterFault, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private DateTimeOffset? ProbeAt(FunctionName function) =>
        _now.Breakers.GetValueOrDefault(function) is ({ } breaker, _, var heard) ? breaker.DueAt(time.GetUtcNow(), time.GetElapsedTime(heard)) : null;

    private async Task<bool> TryDeleteAsync(FunctionName function, KnownBreaker known, CancellationToken ct)
    {
        if (!await _bucket.TryDeleteAsync(OpenBreaker.Key(options.Queue, function), known.Revision, ct))
        {
            return false;
        }

        // What comes next of this key is its deletion.
        Know(function, null, known.Revision + 1);
        return true;
    }

    private async Task<bool> TryWriteAsync(Func<Task<bool>> write)
    {
        try
        {
            return await write();
        }
        catch (NatsException fault)
        {
            Log.PausesUnseen(log, StreamNames.Paused, fault.Message);
            return false;
        }
    }

    // What is told first stands for the bucket as a whole: a pause that is not among it has ended meanwhile.
    private Task WatchAsync(CancellationToken stopping)
    {
        lock (_lock)
        {
            (_told, _isAllTold) = (PausedSet.None, false);
        }

        return _bucket.WatchAsync(
            entry => Hear(entry, isLast: false),
            () =>
            {
                Hear(null, isLast: true);
                _loaded.TrySetResult();
            },
            stopping);
    }

    private void Hear(BucketEntry? entry, bool isLast)
    {
        lock (_lock)
        {
            _told = entry is null ? _told : With(_told, entry);
            _isAllTold |= isLast;
            if (!_isAllTold || (!isLast && _told == _now))
            {
                return;
            }

            Take(_told);
        }

        Changed?.Invoke();
    }

    // This worker's own doing, or what it came upon: the watch tells it later.
    private void Know(FunctionName function, OpenBreaker? breaker, ulong revision)
    {
        var known = new KnownBreaker(breaker, revision, time.GetTimestamp());
        lock (_lock)
        {
            _told = _told.With(function, known);
            Take(_isAllTold ? _told : _now.With(function, known));
        }

        Changed?.Invoke();
    }

    private PausedSet With(PausedSet told, BucketEntry entry)
    {
        if (Pause.OfKey(entry.Key) is (var queue, var function) && queue == options.Queue)
        {
            return told.With(function, entry.Value is { } value ? Pause.Decode(value, entry.Created) : null);
        }

        return OpenBreaker.OfKey(entry.Key) is (var itsQueue, var broken) && itsQueue == options.Queue
            ? told.With(broken, new KnownBreaker(OpenBreaker.TryDecode(entry.Value), entry.Revision, time.GetTimestamp()))
            : told;
    }

    private void Take(PausedSet next)
    {
        var last = _now;
        _now = next;
        Metrics.Paused(options.Queue, next.Queue is not null);
        Tell("", last.Queue, next.Queue);
        foreach (var function in last.Functions.Keys.Union(next.Functions.Keys))
        {
            Tell(function.ToString(), last.Functions.GetValueOrDefault(function), next.Functions.GetValueOrDefault(function));
        }

        foreach (var function in last.Breakers.Keys.Union(next.Breakers.Keys))
        {
            var (was, isNow) = (last.Breakers.GetValueOrDefault(function)?.Breaker, next.Breakers.GetValueOrDefault(function)?.Breaker);
            if (was != isNow)
            {
                Tell(function, was, isNow);
            }
        }
    }

    private void Tell(FunctionName function, OpenBreaker? last, OpenBreaker? next)
    {
        Metrics.Breaker(options.Queue, function, isOpen: next is not null);
        if (last is null && next is not null)
        {
            Log.BreakerOpened(log, options.Queue, function.ToString(), next.Reason, next.ProbeAt);
        }
        else if (last is not null && next is null)
        {
            Log.BreakerClosed(log, options.Queue, function.ToString());
            Closed?.Invoke(function);
        }
        else if (next?.ProbeAt > last?.ProbeAt)
        {
            // An earlier time is that of a probe which was not sent.
            Log.BreakerProbes(log, options.Queue, function.ToString(), next!.ProbeAt);
        }
    }

    private void Tell(string function, Pause? last, Pause? next)
    {
        if (last is null && next is not null)
        {
            Log.Paused(log, options.Queue, function, next.Reason, next.By, next.At);
        }
        else if (last is not null && next is null)
        {
            Log.Resumed(log, options.Queue, function);
        }
    }
}
