using Connectors.Sdk.Invocation;

namespace Connectors.Sdk.Events;

/// <summary>
/// An event and how to settle it with its source. It ends in exactly one of four ways: completed, unwanted, failed (for good) or abandoned. What they throw is
/// logged and counted, and the event is then left to the source's own redelivery. One that cannot be run, for it has no topic, say, is told in the log and
/// abandoned.
/// </summary>
public abstract class Received(Event content)
{
    /// <summary>The event.</summary>
    public Event Event { get; } = content;

    /// <summary>Events of one order key run one after another, in the order in which they were yielded; null for no order.</summary>
    public string? OrderKey { get; init; }

    /// <summary>
    /// Cancelled by the source when it no longer holds the event (a partition taken away, a lease lost): running calls are given up, reruns too, and the
    /// event is abandoned.
    /// </summary>
    public CancellationToken Withdrawn { get; init; }

    /// <summary>
    /// Which functions took the event so far; null if none did. A source that gives an event back and may get it again as another object keeps this by the event's
    /// id, and sets it there: those functions are not called again, and the call id stays. Attempts begin anew, and <see cref="BeginAsync"/> is called. Read
    /// it while the event is being settled.
    /// </summary>
    public Progress? Progress
    {
        get => Run is { Taken.Count: > 0 } run ? new Progress(run) : null;
        init => Run = value?.Begin();
    }

    /// <summary>Where the event stands, so that a source may yield the same object again.</summary>
    internal Run? Run { get; set; }

    /// <summary>Whether this object has not run yet, since its last end.</summary>
    internal bool IsNew => Run is null or { Attempt: 0 } or { IsOver: true };

    /// <summary>
    /// Called once, before the first run. False, or having been cancelled, means that somebody else has the event: it is not run, and nothing more is
    /// called. For sources whose replicas see the same events and claim each of them.
    /// </summary>
    /// <param name="ct">Cancelled when the process stops or the event is withdrawn.</param>
    public virtual ValueTask<bool> BeginAsync(CancellationToken ct) => ValueTask.FromResult(true);

    /// <summary>Every function of the topic took it. Yielded once more after that, the same object is run from the beginning, by all of them.</summary>
    /// <param name="ct">Cancelled a little after the grace period.</param>
    public abstract ValueTask CompleteAsync(CancellationToken ct);

    /// <summary>
    /// No function took it and none is subscribed, or none is any more: it is given back like what is abandoned, for whoever comes, unless the source
    /// overrides this to be done with it. A source waits with <see cref="Topics.LatestTopicMap.UntilAsync"/> lest it comes at once again. One that is done with it
    /// asks <see cref="Topics.LatestTopicMap.WasWanted(string)"/> first, for a function that is replaced is not listed for a moment, and passes over nothing that a
    /// function has refused.
    /// </summary>
    /// <param name="ct">Cancelled a little after the grace period.</param>
    public virtual ValueTask UnwantedAsync(CancellationToken ct) => AbandonAsync(ct);

    /// <summary>
    /// A function did not take it. Returns null once the source has it back, or gave it up; or the delay after which the pump should run it again in
    /// place, still holding its order key and its slot. A source that has it back may instead yield this same object again later, which holds no slot
    /// meanwhile; attempts then go on counting. Either way only the functions that have not taken it yet are called. A delay below zero counts as none, one
    /// beyond <see cref="Hosting.GoDuration.Max"/> as that.
    /// </summary>
    /// <param name="outcome">
    /// The worst of the functions' outcomes: of those that a registered <see cref="RetryPolicy"/>, or the usual one, would have sent again, if there are any; one that
    /// <see cref="Outcome.IsNotRun">did not run</see> before all others.
    /// </param>
    /// <param name="attempt">Ordinal of the run that failed, from 1.</param>
    /// <param name="ct">Cancelled a little after the grace period.</param>
    public abstract ValueTask<TimeSpan?> FailAsync(Outcome outcome, int attempt, CancellationToken ct);

    /// <summary>The process stops, or the event was withdrawn, before there was a verdict: give it back at once if that is possible. It uses no attempt.</summary>
    /// <param name="ct">Cancelled a little after the grace period.</param>
    public virtual ValueTask AbandonAsync(CancellationToken ct) => ValueTask.CompletedTask;
}
