using System.Collections.Immutable;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

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

    /// <summary>Called when something was paused or resumed.</summary>
    public Action? Changed { get; set; }

    /// <summary>Whether the whole queue is.</summary>
    public bool IsQueuePaused => _now.Queue is not null;

    /// <summary>The pauses of single functions.</summary>
    public IReadOnlyDictionary<FunctionName, Pause> Functions => _now.Functions;

    /// <summary>Whether the function itself is.</summary>
    public bool IsPaused(FunctionName function) => _now.Functions.ContainsKey(function);

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

    // What is told first stands for the bucket as a whole: a pause that is not among it has ended meanwhile.
    private Task WatchAsync(CancellationToken stopping)
    {
        var told = PausedSet.None;
        var isLoaded = false;
        return _bucket.WatchAsync(
            entry =>
            {
                if (Pause.OfKey(entry.Key) is (var queue, var function) && queue == options.Queue)
                {
                    told = told.With(function, entry.Value is { } value ? Pause.Decode(value, entry.Created) : null);
                    if (isLoaded)
                    {
                        Take(told);
                    }
                }
            },
            () =>
            {
                isLoaded = true;
                Take(told);
                _loaded.TrySetResult();
            },
            stopping);
    }

    private void Take(PausedSet next)
    {
        var last = _now;
        _now = next;
        Tell("", last.Queue, next.Queue);
        foreach (var function in last.Functions.Keys.Union(next.Functions.Keys))
        {
            Tell(function.ToString(), last.Functions.GetValueOrDefault(function), next.Functions.GetValueOrDefault(function));
        }

        Changed?.Invoke();
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

    private sealed record PausedSet(Pause? Queue, ImmutableDictionary<FunctionName, Pause> Functions)
    {
        public static PausedSet None { get; } = new(null, ImmutableDictionary<FunctionName, Pause>.Empty);

        public PausedSet With(FunctionName? function, Pause? pause) =>
            function is not { } one ? this with { Queue = pause }
            : this with { Functions = pause is null ? Functions.Remove(one) : Functions.SetItem(one, pause) };
    }
}
