using System.Collections.Concurrent;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;

namespace Connectors.QueueWorker.Dispatching;

/// <summary>The call ids that callers cancelled, watched in <c>OF_cancelled</c> into memory; what runs under one of them is told at once (R13 of docs/delivery-states.md).</summary>
internal sealed class CancelledCalls(NatsLink link, QueueWorkerOptions options, TimeProvider time, ILogger<CancelledCalls> log) : BackgroundService
{
    private const int PruneEach = 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly Bucket _bucket = new(link, BucketShape.Cancelled(options.Limits), Patience, time);
    private readonly ConcurrentDictionary<string, DateTimeOffset> _ids = new();
    private readonly ConcurrentDictionary<CancellationTokenSource, string> _running = new();
    private readonly TaskCompletionSource _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _added;

    /// <summary>Done once all ids that there were at start are known, or they cannot be read.</summary>
    public Task LoadedAsync(CancellationToken ct) => _loaded.Task.WaitAsync(ct);

    public bool Contains(string callId) => _ids.ContainsKey(StreamNames.Token(callId));

    /// <summary>Asks the bucket itself: a call that is put back has its cancellation taken back just before, and the watch may lag behind it.</summary>
    public async Task RefreshAsync(string callId, CancellationToken ct)
    {
        var key = StreamNames.Token(callId);
        if (!_ids.TryGetValue(key, out var created))
        {
            return;
        }

        try
        {
            if (await _bucket.FindAsync(key, ct) is null)
            {
                _ids.TryRemove(new(key, created));
            }
        }
        catch (NatsException fault)
        {
            Log.CancellationsUnseen(log, StreamNames.Cancelled, fault.Message);
        }
    }

    /// <summary>Cancels <paramref name="abort"/> when the call is cancelled, now or while it runs; disposed when it has run.</summary>
    public IDisposable Watch(string callId, CancellationTokenSource abort)
    {
        var key = StreamNames.Token(callId);
        _running[abort] = key;
        if (_ids.ContainsKey(key))
        {
            abort.Cancel();
        }

        return new Watched(_running, abort);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await WatchAsync(stoppingToken);
            }
            catch (Exception fault) when (fault is NatsException || (fault is OperationCanceledException && !stoppingToken.IsCancellationRequested))
            {
                // Calls go on: a bucket that may not be read must not stop the queue.
                Log.CancellationsUnseen(log, StreamNames.Cancelled, fault.Message);
                _loaded.TrySetResult();
            }
            catch (OperationCanceledException)
            {
                return;
            }

            await Task.Delay(Pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private Task WatchAsync(CancellationToken stopping) =>
        _bucket.WatchAsync(entry => Take(entry.Key, entry.Created, entry.Value is not null), () => _loaded.TrySetResult(), stopping);

    private void Take(string key, DateTimeOffset created, bool isCancelled)
    {
        if (!isCancelled)
        {
            _ids.TryRemove(key, out _);
            return;
        }

        _ids[key] = created;
        foreach (var (abort, _) in _running.Where(send => send.Value == key))
        {
            Abort(abort);
        }

        if (Interlocked.Increment(ref _added) % PruneEach == 0)
        {
            foreach (var (old, _) in _ids.Where(id => id.Value < time.GetUtcNow() - BucketShape.CancellationAge))
            {
                _ids.TryRemove(old, out _);
            }
        }
    }

    private static void Abort(CancellationTokenSource abort)
    {
        try
        {
            abort.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It ended meanwhile.
        }
    }

    private sealed class Watched(ConcurrentDictionary<CancellationTokenSource, string> running, CancellationTokenSource abort) : IDisposable
    {
        public void Dispose() => running.TryRemove(abort, out _);
    }
}
