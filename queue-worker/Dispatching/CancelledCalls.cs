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
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    // Of what is forgotten, for which all that is known is looked at.
    private static readonly TimeSpan ForgetInterval = TimeSpan.FromMinutes(1);

    private readonly Bucket _bucket = new(link, BucketShape.Cancelled(options.Limits), Patience, time);
    private readonly CancelledIds _ids = new();
    private readonly ConcurrentDictionary<TimeLimit, Envelope> _running = new();
    private readonly Loading _loading = new(Silence, time);
    private readonly BulkCancellations _many = new();
    private bool _isAllTold;
    private long? _forgotAt;
    private volatile bool _isAny;

    /// <summary>How many running sends are watched.</summary>
    public int Watched => _running.Count;

    /// <summary>Done once all cancellations that there were at start are known, or none is told for so long, as of a bucket that cannot be read, that calls go on without.</summary>
    public async Task LoadedAsync(CancellationToken ct)
    {
        if (await _loading.WaitAsync(ct))
        {
            Log.CancellationsUnseen(log, StreamNames.Cancelled, "nothing is told of them; calls go on without");
        }
    }

    /// <summary>Whether the call is cancelled.</summary>
    public bool Contains(Envelope envelope) => _isAny && (_ids.Covers(envelope) || _many.Covers(options.Queue, envelope));

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
                // It may be readable soon, as once a cluster has a leader again: calls wait for that, though not for ever.
                Log.CancellationsUnseen(log, StreamNames.Cancelled, fault.Message);
            }

            await Task.Delay(Pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private Task WatchAsync(CancellationToken stopping)
    {
        _isAllTold = false;
        return _bucket.WatchAsync(
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
            () =>
            {
                _isAllTold = true;
                _loading.End();
            },
            stopping);
    }

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
            _loading.Told();
            Log.CallsCancelled(log, options.Queue, made.Function, made.Tag);
        }
    }

    private void Take(string key, Cancellation? cancellation)
    {
        _isAny = true;
        if (cancellation is not { } made)
        {
            _ids.Remove(key);
        }
        else if (_ids.Set(key, made))
        {
            _loading.Told();
            foreach (var (limit, _) in _running.Where(send => StreamNames.Token(send.Value.CallId) == key && made.Covers(send.Value)))
            {
                limit.Cancel();
            }
        }

        ForgetOld();
        Metrics.CancelledIds(options.Queue, _ids.Count);
    }

    private void ForgetOld()
    {
        // Not while all of them are told, once for each: the server has dropped what is old.
        if (!_isAllTold || (_forgotAt is { } last && time.GetElapsedTime(last) < ForgetInterval))
        {
            return;
        }

        _forgotAt = time.GetTimestamp();
        _ids.Forget(before: time.GetUtcNow() - BucketShape.CancellationAge);
    }
}
