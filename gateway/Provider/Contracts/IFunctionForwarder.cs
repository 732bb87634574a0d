namespace Connectors.Provider.Contracts;

/// <summary>Passes calls on to functions that speak HTTP, both ways as streams. The gateway's relay does it: the embedded provider sends no request of a caller itself.</summary>
public interface IFunctionForwarder
{
    /// <summary>
    /// Sends the caller's request to <paramref name="target"/>, whose path and query stay as they are, and its answer back; an answer without content
    /// type gets the request's, or <c>text/plain</c>. <paramref name="onHead"/> is called before the answer's head goes back. <paramref name="ct"/> is the
    /// call's time limit and its caller. With <see cref="ForwardKind.Unreachable"/> and <see cref="ForwardKind.TimedOut"/> the caller has no answer yet; with any
    /// other it has, or is gone.
    /// </summary>
    Task<ForwardOutcome> ForwardAsync(HttpContext caller, string target, Action<HttpResponse> onHead, CancellationToken ct);
}

/// <summary>How forwarding ended.</summary>
/// <param name="Kind">Which kind of end.</param>
/// <param name="Error">What went wrong; empty if nothing did.</param>
public readonly record struct ForwardOutcome(ForwardKind Kind, string Error = "");

/// <summary>The kinds of <see cref="ForwardOutcome"/>.</summary>
public enum ForwardKind
{
    /// <summary>The whole answer went back.</summary>
    Answered,

    /// <summary>What came until the time was over went back, and is whole as it is.</summary>
    EndedEarly,

    /// <summary>The answer began and broke off; the caller's connection is cut.</summary>
    BrokenOff,

    /// <summary>The answer is none, or one that cannot be passed on; the caller is then told so, with 502, and is answered.</summary>
    BadAnswer,

    /// <summary>No connection, or one that broke before it answered; the caller has no answer yet.</summary>
    Unreachable,

    /// <summary>The time limit passed; the caller has no answer yet.</summary>
    TimedOut,

    /// <summary>The caller left.</summary>
    CallerGone,
}
