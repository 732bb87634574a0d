using System.Collections.Immutable;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Dispatching;

/// <summary>What of a queue is paused, or cannot be reached. A worker hears of what it wrote twice, at once and by the watch, which may tell older news in between.</summary>
internal sealed record PausedSet(Pause? Queue, ImmutableDictionary<FunctionName, Pause> Functions, ImmutableDictionary<FunctionName, KnownBreaker> Breakers)
{
    public static PausedSet None { get; } = new(null, ImmutableDictionary<FunctionName, Pause>.Empty, ImmutableDictionary<FunctionName, KnownBreaker>.Empty);

    /// <summary>The same with a pause, or its end, of a function, or of the queue.</summary>
    public PausedSet With(FunctionName? function, Pause? pause) =>
        function is not { } one ? this with { Queue = pause }
        : this with { Functions = pause is null ? Functions.Remove(one) : Functions.SetItem(one, pause) };

    /// <summary>The same with what is known of a function's breaker, unless something newer is known of it.</summary>
    public PausedSet With(FunctionName function, KnownBreaker breaker) =>
        Breakers.GetValueOrDefault(function)?.Revision >= breaker.Revision ? this : this with { Breakers = Breakers.SetItem(function, breaker) };
}

/// <summary>What is known of a function's breaker.</summary>
/// <param name="Breaker">The breaker; null for one that was closed.</param>
/// <param name="Revision">The bucket's revision that says so, or one before it and after all else of this function.</param>
/// <param name="Heard">When it was heard of, as a timestamp.</param>
internal sealed record KnownBreaker(OpenBreaker? Breaker, ulong Revision, long Heard);
