using System.Collections.Immutable;
using Connectors.Gateway.Enqueueing;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;

namespace Connectors.Gateway.Queues;

/// <summary>
/// Which queues and functions are paused: the bucket <c>OF_paused</c>, which workers watch (R22 of docs/delivery-states.md). It is watched into memory here too: where
/// much cannot be reached it has a record for each function, each of which changes with every probe. While it cannot be watched, what was known last holds.
/// </summary>
internal sealed class PauseBook(NatsLink link, QueueOptions options, TimeProvider time, ILogger<PauseBook> log) : IDuty
{
    private static readonly TimeSpan AfterFault = TimeSpan.FromSeconds(1);

    // How long the watch may take to tell what the bucket has.
    private static readonly TimeSpan MaxLag = TimeSpan.FromSeconds(4);

    private readonly Bucket _bucket = new(link, BucketShape.Paused(options.Limits), options.PublishTimeout, time);
    private readonly Signal _heard = new();
    private volatile Known? _now;

    // Set when the bucket has what the watch did not tell, as when entries were removed from its stream: the watch begins anew, once for each such state.
    private readonly Signal _doubt = new();
    private volatile BucketState? _doubted;

    // Why it could not be watched when that was tried last; null if it could.
    private string? _trouble;

    /// <summary>Everything that is paused, as it was told last: no request is made for it.</summary>
    /// <param name="ct">Gives up waiting for what is told first.</param>
    public async Task<PausedThings> KnownAsync(CancellationToken ct)
    {
        await _heard.UntilAsync(() => _now is not null, ct);
        return _now!.Things;
    }

    /// <summary>Everything that is paused, with all that anybody wrote before.</summary>
    /// <exception cref="NatsException">The bucket does not answer, or cannot be watched.</exception>
    public async Task<PausedThings> ReadAsync(CancellationToken ct)
    {
        var state = await _bucket.StateAsync(ct);
        using var limit = new TimeLimit(MaxLag, time, ct);
        try
        {
            await _heard.UntilAsync(() => _now is { } now && (now.Revision >= state.LastRevision || state == _doubted), limit.Token);
        }
        catch (OperationCanceledException) when (limit.IsOver)
        {
            // What is known counts.
        }

        var known = _now ?? throw new NatsException($"The bucket {StreamNames.Paused} cannot be watched");
        if (state != _doubted && (known.Revision < state.LastRevision || (known.Revision == state.LastRevision && known.Keys != state.Keys)))
        {
            _doubted = state;
            _doubt.Set();
        }

        return known.Things;
    }

    /// <summary>Returns once it is stored. One that was there before is replaced, reason and time too.</summary>
    public Task PauseAsync(string queue, FunctionName? function, Pause pause, CancellationToken ct) => _bucket.PutAsync(Pause.Key(queue, function), pause.Encode(), ct);

    /// <summary>Returns once it is gone, whether it was there or not; a function's open breaker too.</summary>
    public async Task ResumeAsync(string queue, FunctionName? function, CancellationToken ct)
    {
        await _bucket.DeleteAsync(Pause.Key(queue, function), ct);
        if (function is { } one)
        {
            await _bucket.DeleteAsync(OpenBreaker.Key(queue, one), ct);
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
            catch (Exception fault) when (fault is not OperationCanceledException)
            {
                if (fault.Message != _trouble)
                {
                    _trouble = fault.Message;
                    Log.PausesNotRead(log, StreamNames.Paused, fault.Message);
                }
            }
            catch (OperationCanceledException)
            {
                // Stopping, or in doubt.
            }

            await Task.Delay(AfterFault, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // What is told first stands for the bucket as a whole: a pause that is not among it has ended meanwhile.
    private async Task WatchAsync(CancellationToken stopping)
    {
        var (told, isAllTold) = (new Known(PausedThings.None, 0, 0), false);
        var keys = new HashSet<string>();
        var doubt = _doubt.Next;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var watching = _bucket.WatchAsync(
            entry =>
            {
                keys.Add(entry.Key);
                told = new Known(told.Things.With(entry), entry.Revision, keys.Count);
                if (isAllTold)
                {
                    Take(told);
                }
            },
            () =>
            {
                isAllTold = true;
                _trouble = null;
                Take(told);
            },
            end.Token);
        await Task.WhenAny(watching, doubt);
        await end.CancelAsync();
        await watching;
    }

    private void Take(Known told)
    {
        _now = told;
        _heard.Set();
    }

    /// <summary>What is known.</summary>
    /// <param name="Things">What is paused.</param>
    /// <param name="Revision">The bucket's revision that was told last.</param>
    /// <param name="Keys">How many of its keys were told of.</param>
    private sealed record Known(PausedThings Things, ulong Revision, long Keys);
}

/// <summary>What was paused at one moment.</summary>
internal sealed class PausedThings
{
    private readonly ImmutableDictionary<string, QueuePauses> _queues;

    private PausedThings(ImmutableDictionary<string, QueuePauses> queues) => _queues = queues;

    public static PausedThings None { get; } = new(ImmutableDictionary<string, QueuePauses>.Empty);

    /// <summary>Each pause; without a function it is its queue's.</summary>
    public IEnumerable<(string Queue, FunctionName? Function, Pause Pause)> All => _queues.SelectMany(queue => queue.Value.All.Select(pause => (queue.Key, pause.Function, pause.Pause)));

    /// <summary>The queue's own pause; null for none.</summary>
    public Pause? Of(string queue) => OfQueue(queue).Own;

    /// <summary>The open breakers of a queue's functions, by <c>name.namespace</c>.</summary>
    public Dictionary<string, OpenBreaker> BreakersOf(string queue) => OfQueue(queue).Breakers.ToDictionary(breaker => breaker.Key.ToString(), breaker => breaker.Value);

    /// <summary>The pauses of a queue's functions, by <c>name.namespace</c>.</summary>
    public Dictionary<string, Pause> FunctionsOf(string queue) => OfQueue(queue).Functions.ToDictionary(pause => pause.Key.ToString(), pause => pause.Value);

    /// <summary>The same once an entry of the bucket was written or deleted.</summary>
    public PausedThings With(BucketEntry entry)
    {
        if (Pause.OfKey(entry.Key) is (var queue, var function))
        {
            return With(queue, OfQueue(queue).With(function, entry.Value is { } value ? Pause.Decode(value, entry.Created) : null));
        }

        return OpenBreaker.OfKey(entry.Key) is (var itsQueue, var broken) ? With(itsQueue, OfQueue(itsQueue).With(broken, OpenBreaker.TryDecode(entry.Value))) : this;
    }

    private QueuePauses OfQueue(string queue) => _queues.GetValueOrDefault(queue, QueuePauses.None);

    private PausedThings With(string queue, QueuePauses pauses) => new(pauses.IsEmpty ? _queues.Remove(queue) : _queues.SetItem(queue, pauses));

    /// <summary>What is paused of one queue.</summary>
    private sealed record QueuePauses(Pause? Own, ImmutableDictionary<FunctionName, Pause> Functions, ImmutableDictionary<FunctionName, OpenBreaker> Breakers)
    {
        public static QueuePauses None { get; } = new(null, ImmutableDictionary<FunctionName, Pause>.Empty, ImmutableDictionary<FunctionName, OpenBreaker>.Empty);

        public bool IsEmpty => Own is null && Functions.IsEmpty && Breakers.IsEmpty;

        public IEnumerable<(FunctionName? Function, Pause Pause)> All
        {
            get
            {
                if (Own is { } own)
                {
                    yield return (null, own);
                }

                foreach (var (function, pause) in Functions)
                {
                    yield return (function, pause);
                }
            }
        }

        public QueuePauses With(FunctionName? function, Pause? pause) =>
            function is not { } one ? this with { Own = pause }
            : this with { Functions = pause is null ? Functions.Remove(one) : Functions.SetItem(one, pause) };

        public QueuePauses With(FunctionName function, OpenBreaker? breaker) =>
            this with { Breakers = breaker is null ? Breakers.Remove(function) : Breakers.SetItem(function, breaker) };
    }
}
