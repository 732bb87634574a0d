using System.Collections.Immutable;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Dispatching;

/// <summary>
/// What of a queue is paused, or cannot be reached. A worker hears of what it wrote twice, at once and by the watch, which may tell older news in between; what the
/// watch tells comes in the order of revisions.
/// <code>
/// this worker closes 7, by 9       closed, 9: what is older is no news
/// the watch tells 7                nothing new
/// the watch tells 9, the closing   nothing is known of the function any more: no older news comes
/// somebody opens, 12; told         open, 12
/// </code>
/// </summary>
internal sealed record PausedSet(Pause? Queue, ImmutableDictionary<FunctionName, Pause> Functions, ImmutableDictionary<FunctionName, KnownBreaker> Breakers)
{
    public static PausedSet None { get; } = new(null, ImmutableDictionary<FunctionName, Pause>.Empty, ImmutableDictionary<FunctionName, KnownBreaker>.Empty);

    /// <summary>The same with a pause, or its end, of a function, or of the queue.</summary>
    public PausedSet With(FunctionName? function, Pause? pause) =>
        function is not { } one ? this with { Queue = pause }
        : this with { Functions = pause is null ? Functions.Remove(one) : Functions.SetItem(one, pause) };

    /// <summary>The same with what this worker wrote of a function's breaker, or came upon, unless something newer is known of it.</summary>
    /// <param name="function">The function.</param>
    /// <param name="breaker">What was written.</param>
    /// <param name="told">The revision that the watch told last: what it told, or left out, is newer than all up to there.</param>
    public PausedSet With(FunctionName function, KnownBreaker breaker, ulong told) =>
        breaker.Revision <= told || Breakers.GetValueOrDefault(function)?.Revision >= breaker.Revision ? this
        : this with { Breakers = Breakers.SetItem(function, breaker) };

    /// <summary>The same with what the watch tells of a function's breaker, unless this worker knows something newer.</summary>
    public PausedSet Told(FunctionName function, KnownBreaker breaker)
    {
        var known = Breakers.GetValueOrDefault(function);
        return known?.Revision > breaker.Revision ? this
            : breaker.Breaker is null ? this with { Breakers = Breakers.Remove(function) }
            : known?.Revision == breaker.Revision ? this
            : this with { Breakers = Breakers.SetItem(function, breaker) };
    }

    /// <summary>The same without a breaker that is not in the bucket any more.</summary>
    /// <param name="function">The function.</param>
    /// <param name="gone">The breaker as it was known. One of which something else is known by now stays.</param>
    /// <param name="told">The revision that the watch told last: what is newer it may yet tell as if it were there.</param>
    public PausedSet Without(FunctionName function, KnownBreaker gone, ulong told) =>
        Breakers.GetValueOrDefault(function)?.Revision != gone.Revision ? this
        : gone.Revision <= told ? this with { Breakers = Breakers.Remove(function) }
        : this with { Breakers = Breakers.SetItem(function, gone with { Breaker = null }) };
}

/// <summary>What is known of a function's breaker.</summary>
/// <param name="Breaker">The breaker; null for one that was closed, of which the watch has not told yet.</param>
/// <param name="Revision">The bucket's revision that says so; where a record is gone and no deletion of it was met, the record's own.</param>
/// <param name="Heard">When it was heard of, as a timestamp.</param>
internal sealed record KnownBreaker(OpenBreaker? Breaker, ulong Revision, long Heard);
