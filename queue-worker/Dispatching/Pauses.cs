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
    private readonly PauseSweep _sweep = new(link, options, time, log);
    private readonly TaskCompletionSource _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly KnownPauses _known = new(options.Queue, time, log);

    /// <summary>Called with the functions that were paused or resumed, or whose breakers changed; with none when the queue was paused or resumed.</summary>
    public Action<IReadOnlyCollection<FunctionName>>? Changed
    {
        get => _known.Changed;
        set => _known.Changed = value;
    }

    /// <summary>Called when a function's breaker was closed.</summary>
    public Action<FunctionName>? Closed
    {
        get => _known.Closed;
        set => _known.Closed = value;
    }

    /// <summary>Whether the whole queue is.</summary>
    public bool IsQueuePaused => _known.Now.Queue is not null;

    /// <summary>The pauses of single functions.</summary>
    public IReadOnlyDictionary<FunctionName, Pause> Functions => _known.Now.Functions;

    /// <summary>Whether the function itself is.</summary>
    public bool IsPaused(FunctionName function) => _known.Now.Functions.ContainsKey(function);

    /// <summary>The function's breaker, if it is open.</summary>
    public OpenBreaker? BreakerOf(FunctionName function) => KnownOf(function)?.Breaker;

    /// <summary>The breakers that are open.</summary>
    public IEnumerable<KeyValuePair<FunctionName, KnownBreaker>> OpenBreakers => _known.Now.Breakers.Where(known => known.Value.Breaker is not null);

    /// <summary>How many breakers something is known of: those that are open, and those that were closed here, of which the watch has not told yet.</summary>
    public int Remembered => _known.Now.Breakers.Count;

    /// <summary>Until when a function's calls stay aside; null for not, the end of time for until somebody resumes it.</summary>
    public DateTimeOffset? HeldUntil(FunctionName function) => IsPaused(function) ? DateTimeOffset.MaxValue : ProbeAt(function);

    /// <summary>Opens a function's breaker for all workers. False if that could not be written down.</summary>
    public Task<bool> OpenAsync(FunctionName function, OpenBreaker breaker, CancellationToken ct) => TryWriteAsync(async () =>
    {
        var key = Key(function);
        if (await _bucket.TryCreateAsync(key, breaker.Encode(), ct) is { } revision)
        {
            _known.Know(function, breaker, revision);
        }
        else if (await _bucket.FindAsync(key, ct) is { } found)
        {
            if (OpenBreaker.TryDecode(found.Value) is { } quicker)
            {
                _known.Know(function, quicker, found.Revision);
            }
            else if (await _bucket.TryUpdateAsync(key, breaker.Encode(), found.Revision, ct) is { } replaced)
            {
                // Nobody reads what is there, and nobody would probe by it.
                _known.Know(function, breaker, replaced);
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
        if (KnownOf(function) is not { Breaker: not null } known || await TryDeleteAsync(function, known, ct))
        {
            return true;
        }

        // It was written since, as for a probe, or is gone.
        if (await _bucket.DeleteAsync(Key(function), ct) is { } revision)
        {
            _known.Know(function, null, revision);
        }
        else
        {
            _known.Forget(function, known);
        }

        return true;
    });

    /// <summary>Closes a function's breaker if it is still as it was known; not if it was written since, as for a probe.</summary>
    public Task CloseAsync(FunctionName function, KnownBreaker known, CancellationToken ct) => TryWriteAsync(async () =>
    {
        if (await TryDeleteAsync(function, known, ct))
        {
            return true;
        }

        await LookAsync(function, ct);
        return false;
    });

    /// <summary>Whether this worker may send the one call that is due as a probe: of several that ask, one may.</summary>
    public Task<bool> TryClaimProbeAsync(FunctionName function, CancellationToken ct) => TryWriteAsync(async () =>
    {
        var now = time.GetUtcNow();
        if (KnownOf(function) is not ({ } breaker, var revision, _) || ProbeAt(function) > now)
        {
            return false;
        }

        var probed = breaker.Probed(now);
        if (await _bucket.TryUpdateAsync(Key(function), probed.Encode(), revision, ct) is not { } next)
        {
            await LookAsync(function, ct);
            return false;
        }

        _known.Know(function, probed, next);
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
            // Another worker's claim, of which this one may not have heard yet.
            await LookAsync(function, ct);
            var now = time.GetUtcNow();
            if (KnownOf(function) is not ({ } breaker, var revision, _) || breaker.ProbeAt <= now)
            {
                return;
            }

            var released = breaker.Released(now);
            if (await _bucket.TryUpdateAsync(Key(function), released.Encode(), revision, ct) is { } next)
            {
                _known.Know(function, released, next);
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

    public Task RunAsync(CancellationToken stoppingToken) => Task.WhenAll(KeepWatchingAsync(stoppingToken), _sweep.RunAsync(stoppingToken));

    private async Task KeepWatchingAsync(CancellationToken stoppingToken)
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
        KnownOf(function) is ({ } breaker, _, var heard) ? breaker.DueAt(time.GetUtcNow(), time.GetElapsedTime(heard)) : null;

    private KnownBreaker? KnownOf(FunctionName function) => _known.Now.Breakers.GetValueOrDefault(function);

    private string Key(FunctionName function) => OpenBreaker.Key(options.Queue, function);

    private async Task<bool> TryDeleteAsync(FunctionName function, KnownBreaker known, CancellationToken ct)
    {
        if (await _bucket.TryDeleteAsync(Key(function), known.Revision, ct) is not { } revision)
        {
            return false;
        }

        _known.Know(function, null, revision);
        return true;
    }

    // What became of a breaker, without waiting for the watch; of a record that somebody removed by hand that tells nothing.
    private async Task LookAsync(FunctionName function, CancellationToken ct)
    {
        var known = KnownOf(function);
        if (await _bucket.FindAsync(Key(function), ct) is { } found)
        {
            if (OpenBreaker.TryDecode(found.Value) is { } breaker)
            {
                _known.Know(function, breaker, found.Revision);
            }
        }
        else if (known is { Breaker: not null })
        {
            _known.Forget(function, known);
        }
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

    private Task WatchAsync(CancellationToken stopping)
    {
        _known.Begin();
        return _bucket.WatchAsync(
            _known.Hear,
            () =>
            {
                _known.HeardAll();
                _loaded.TrySetResult();
            },
            stopping);
    }
}
