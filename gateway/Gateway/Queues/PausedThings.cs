using System.Collections.Immutable;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Queues;

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
