namespace Connectors.Provider.Contracts;

/// <summary>Passes calls on to functions that speak HTTP, both ways as streams. The gateway's relay does it: the embedded provider sends no request of a caller itself.</summary>
public interface IFunctionForwarder
{
    /// <summary>
    /// Sends the caller's request to <paramref name="target"/>, whose path and query stay as they are, and its answer back; an answer without content
    /// type gets the request's, or <c>text/plain</c>. <paramref name="onHead"/> is called before the answer's head goes back. <paramref name="ct"/> is the
    /// call's time limit and its caller.
    /// </summary>
    Task<ForwardEnd> ForwardAsync(HttpContext caller, string target, Action<HttpResponse> onHead, CancellationToken ct);
}

/// <summary>How forwarding a call ended.</summary>
public enum ForwardEnd
{
    /// <summary>The caller has an answer, or the beginning of one, or is gone.</summary>
    Answered,

    /// <summary>No connection, or one that broke before it answered; the caller has no answer yet.</summary>
    Unreachable,

    /// <summary>The time limit passed; the caller has no answer yet.</summary>
    TimedOut,
}
