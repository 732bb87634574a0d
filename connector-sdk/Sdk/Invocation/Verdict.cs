namespace Connectors.Sdk.Invocation;

/// <summary>What we do because of an <see cref="Outcome"/>.</summary>
/// <param name="Kind">The decision.</param>
/// <param name="After">Wait before the next send; only with <see cref="VerdictKind.Retry"/>.</param>
public readonly record struct Verdict(VerdictKind Kind, TimeSpan After = default);

/// <summary>The kinds of <see cref="Verdict"/>.</summary>
public enum VerdictKind
{
    /// <summary>Done.</summary>
    Succeeded,

    /// <summary>Send once more.</summary>
    Retry,

    /// <summary>An answer that sending again would not change.</summary>
    Failed,

    /// <summary>It could be retried, but no attempt is left.</summary>
    Exhausted,
}
