using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Consuming;

/// <summary>One function as the scheduler sees it: what runs of it, how much of it may run, and its consumers. Guarded by the scheduler's lock.</summary>
internal sealed class FunctionLane(FunctionName function, ConcurrencyLimit? limit, int slots)
{
    public FunctionName Function => function;

    public ConcurrencyLimit? Limit => limit;

    /// <summary>Slots that were taken for it: by calls that run, and by those that were asked for.</summary>
    public int SlotsTaken { get; set; }

    /// <summary>Calls that run.</summary>
    public int Running { get; set; }

    /// <summary>The function's <c>com.openfaas.queue.max_inflight</c>; until a call told, one at a time is asked for.</summary>
    public int? MaxInflight { get; set; }

    public LaneSide? High { get; set; }

    public LaneSide? Normal { get; set; }

    /// <summary>How many more of it may be started, fairness aside.</summary>
    public int Room => Math.Min(limit?.Current ?? slots, MaxInflight ?? 1) - SlotsTaken;

    /// <summary>Whether it is counted among those that take part in the sharing of slots.</summary>
    public bool IsCounted { get; set; }

    /// <summary>Whether it takes part in the sharing of slots.</summary>
    public bool IsActive => SlotsTaken > 0 || High is { State: not (SideState.Idle or SideState.PutOff) } || Normal is { State: not (SideState.Idle or SideState.PutOff) };

    public IEnumerable<LaneSide> Sides => new[] { High, Normal }.OfType<LaneSide>();
}

/// <summary>The calls of one function that have one priority, and their consumer.</summary>
internal sealed class LaneSide(FunctionLane lane, Priority priority, StreamConsumer consumer)
{
    public FunctionLane Lane => lane;

    public Priority Priority => priority;

    public StreamConsumer Consumer => consumer;

    public SideState State { get; set; }

    /// <summary>Whether work was found while it was being asked.</summary>
    public bool FoundMore { get; set; }

    /// <summary>How often it was asked in vain for a message that should have come again, and one more; 0 while none should have.</summary>
    public int EmptyPulls { get; set; }

    /// <summary>When work was last found.</summary>
    public DateTimeOffset LastFound { get; set; }

    /// <summary>For how long it was put off last; zero since its consumer was there.</summary>
    public TimeSpan Pause { get; set; }

    /// <summary>When it is tried again, while it is put off.</summary>
    public DateTimeOffset RetryAt { get; set; }

    /// <summary>Why its consumer could not be made when that was tried last; null since it was there. Only whoever asks it looks.</summary>
    public string? Trouble { get; set; }
}

/// <summary>Where a <see cref="LaneSide"/> stands.</summary>
internal enum SideState
{
    /// <summary>Nothing is known to wait.</summary>
    Idle,

    /// <summary>It stands in the queue of those to be asked.</summary>
    Ready,

    /// <summary>It waits until its function may run more.</summary>
    Blocked,

    /// <summary>It is being asked.</summary>
    Asked,

    /// <summary>Its consumer was gone, or could not be made: it is tried again at its time, whatever is heard of it until then.</summary>
    PutOff,
}
