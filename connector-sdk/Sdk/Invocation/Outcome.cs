
namespace Connectors.Sdk.Invocation;

/// <summary>What happened to one <see cref="FunctionCall"/>. Expected failures are outcomes, not exceptions.</summary>
public sealed record Outcome
{
    /// <summary>Which kind of end it was.</summary>
    public required OutcomeKind Kind { get; init; }

    /// <summary>The HTTP status; 503 for an unreachable gateway and 504 for a timeout, as the callback reports them.</summary>
    public required int Status { get; init; }

    /// <summary>The answer's headers, in order.</summary>
    public IReadOnlyList<Header> Headers { get; init; } = [];

    /// <summary>The answer's body, as far as it was asked for.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>Length of the whole body, kept or not.</summary>
    public long BodyLength { get; init; }

    /// <summary>Whether <see cref="Body"/> is the whole body.</summary>
    public bool IsBodyKept => Body.Length == BodyLength;

    /// <summary>From the first byte sent to the last received.</summary>
    public TimeSpan Duration { get; init; }

    /// <summary>
    /// Whether an answer had begun, whole or not. Without one nobody is known to have been asked; one that broke off, or whose head nobody can read, was
    /// made by the function or on its behalf.
    /// </summary>
    public bool HasAnswerBegun { get; init; }

    /// <summary>
    /// Whether there was no connection, or no answer at all, or, for an event of a topic, no function any more. That says nothing of what was sent: an event should
    /// not end by it.
    /// </summary>
    public bool IsOutOfReach => Kind == OutcomeKind.Unreachable && !HasAnswerBegun;

    /// <summary>The answer's <c>Retry-After</c>, already relative to its arrival.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The component of the system that made the answer in the function's place (<c>X-OpenFaaS-Internal</c>), such as <c>proxy</c>; null if the function did.</summary>
    public string? InternalSource { get; init; }

    /// <summary>Whether a component of the system, not the function, made the answer.</summary>
    public bool IsInternal => InternalSource is not null;

    /// <summary>What went wrong on the way, in words.</summary>
    public string? Error { get; init; }
}

/// <summary>The kinds of <see cref="Outcome"/>.</summary>
public enum OutcomeKind
{
    /// <summary>An answer below 400.</summary>
    Succeeded,

    /// <summary>An answer of 400 or more.</summary>
    Failed,

    /// <summary>No whole answer within the call's timeout.</summary>
    TimedOut,

    /// <summary>No connection, or one that broke before the answer was complete.</summary>
    Unreachable,

    /// <summary>The caller gave the call up.</summary>
    Aborted,
}
