
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
    /// made by the function or on its behalf. False as well for a call that was to be enqueued, which no function answers, unless the gateway judged it.
    /// </summary>
    public bool HasAnswerBegun { get; init; }

    /// <summary>
    /// Whether there was no connection, or no answer at all, or a redirect that no gateway made, or, for an event of a topic, no function any more; for a call that
    /// was to be enqueued also whether the gateway, or what stands before it, did not take it for a reason that is none of the call's: any status of 500 or more but
    /// 508, 408, 429, a redirect, an answer that broke off or came too late. That says nothing of what was sent: an event should not end by it.
    /// </summary>
    public bool IsOutOfReach => Kind == OutcomeKind.Unreachable && !HasAnswerBegun;

    /// <summary>Whether the call came to no gateway and to no function: there was no connection, or a redirect by somebody before the gateway.</summary>
    internal bool WasNeverSent { get; init; }

    /// <summary>
    /// Whether no function has seen the call: it was never sent, or the platform itself (<see cref="InternalSource"/>) says that its function takes no more calls
    /// now (429), or has nobody to take one (503).
    /// </summary>
    public bool IsUnseen => WasNeverSent || this is { Kind: OutcomeKind.Failed, IsInternal: true, Status: 429 or 503 };

    /// <summary>
    /// Whether the call was not run, as far as anybody knows, for a reason that is none of its own: it is out of reach or unseen, or the gateway itself says that it
    /// does not reach its provider (502). An event should neither end by it nor use up an attempt. No other error of the platform's own counts, for the function
    /// may have had the call: of one that brings it down, or takes too long, a provider and a watchdog say 500 and 504.
    /// </summary>
    public bool IsNotRun => IsOutOfReach || IsUnseen || this is { Kind: OutcomeKind.Failed, InternalSource: "gateway", Status: 502 };

    /// <summary>The answer's <c>Retry-After</c>, already relative to its arrival.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>How long to wait before the call is sent again: as long as the caller would, or as the answer asks for, if that is longer.</summary>
    /// <param name="wait">The caller's own wait.</param>
    /// <param name="longest">What it never waits beyond.</param>
    public TimeSpan WaitAtLeast(TimeSpan wait, TimeSpan longest) => RetryAfter is { } asked && asked > wait ? TimeSpan.FromTicks(Math.Min(asked.Ticks, longest.Ticks)) : wait;

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
    /// <summary>An answer below 400, but for a redirect that no gateway made.</summary>
    Succeeded,

    /// <summary>An answer of 400 or more.</summary>
    Failed,

    /// <summary>No whole answer within the call's timeout.</summary>
    TimedOut,

    /// <summary>No connection, or one that broke before the answer was complete, or that leads to no gateway.</summary>
    Unreachable,

    /// <summary>The caller gave the call up.</summary>
    Aborted,
}
