using System.Collections.Concurrent;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;

namespace Connectors.QueueWorker.Dispatching;

/// <summary>
/// What was cancelled, watched in <c>OF_cancelled</c> into memory: calls by their ids, of which those that run are told at once, and all waiting calls of a
/// kind (R13 and R24 of docs/delivery-states.md).
/// </summary>
internal sealed class CancelledCalls(NatsLink link, QueueWorkerOptions options, TimeProvider time, ILogger<CancelledCalls> log) : IDuty
{
    private const int PruneEach = 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LoadLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly Bucket _bucket = new(link, BucketShape.Cancelled(options.Limits), Patience, time);
    private readonly ConcurrentDictionary<string, Cancellation> _ids = new();
    private readonly ConcurrentDictionary<TimeLimit, Envelope> _running = new();
    private readonly TaskCompletionSource _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly BulkCancellations _many = new();
    private int _added;
    private volatile bool _isAny;

    /// <summary>Done once all cancellations that there were at start are known, or cannot be read, or are not told for so long that calls go on without.</summary>
    public async Task LoadedAsync(CancellationToken ct)
    {
        if (!_loaded.Task.IsCompleted && !await Signal.CameAsync(_loaded.Task, LoadLimit, time, ct))
        {
            _loaded.TrySetResult();
        }
    }

    /// <summary>Whether the call is cancelled.</summary>
    public bool Contains(Envelope envelope) =>
        _isAny && ((_ids.TryGetValue(StreamNames.Token(envelope.CallId), out var cancellation) && cancellation.Covers(envelope)) || _many.Covers(options.Queue, envelope));

    /// <summary>Has <paramref name="limit"/> cancelled when the call is cancelled, now or until <see cref="Unwatch"/>.</summary>
    public void Watch(Envelope envelope, TimeLimit limit)
    {
        _running[limit] = envelope;
        if (Contains(envelope))
        {
            limit.Cancel();
        }
    }

    /// <summary>The call has run.</summary>
    public void Unwatch(TimeLimit limit) => _running.TryRemove(limit, out _);

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
                // Calls go on: a bucket that may not be read must not stop the queue.
                Log.CancellationsUnseen(log, StreamNames.Cancelled, fault.Message);
                _loaded.TrySetResult();
            }

            await Task.Delay(Pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private Task WatchAsync(CancellationToken stopping) => _bucket.WatchAsync(
        entry =>
        {
            if (BulkCancellation.IsKey(entry.Key))
            {
                TakeMany(entry);
            }
            else
            {
                Take(entry.Key, entry.Value is { } value ? Cancellation.Decode(value, entry.Created) : null);
            }
        },
        () => _loaded.TrySetResult(),
        stopping);

    private void TakeMany(BucketEntry entry)
    {
        var isKnown = _many.Contains(entry.Key);
        _many.Forget(before: time.GetUtcNow() - BucketShape.CancellationAge);
        var made = entry.Value is { } value ? BulkCancellation.TryDecode(value) : null;
        if (entry.Value is not null && made is null)
        {
            Log.CancellationsUnseen(log, StreamNames.Cancelled, $"{entry.Key} cannot be read");
        }

        if (made is null || (made.Queue is not null && made.Queue != options.Queue))
        {
            _many.Remove(entry.Key);
            return;
        }

        _many.Set(entry.Key, made);
        _isAny = true;

        // A watch that is begun anew tells all of them again.
        if (!isKnown)
        {
            Log.CallsCancelled(log, options.Queue, made.Function, made.Tag);
        }
    }

    private void Take(string key, Cancellation? cancellation)
    {
        if (cancellation is not { } made)
        {
            _ids.TryRemove(key, out _);
            return;
        }

        _ids[key] = made;
        _isAny = true;
        foreach (var (limit, _) in _running.Where(send => StreamNames.Token(send.Value.CallId) == key && made.Covers(send.Value)))
        {
            limit.Cancel();
        }

        if (Interlocked.Increment(ref _added) % PruneEach == 0)
        {
            foreach (var (old, _) in _ids.Where(id => id.Value.At < time.GetUtcNow() - BucketShape.CancellationAge))
            {
                _ids.TryRemove(old, out _);
            }
        }
    }
}
