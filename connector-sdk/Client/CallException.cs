using System.Net;

namespace Connectors.Client;

/// <summary>What the gateway did not do, and why; the root of this library's exceptions.</summary>
public abstract class CallException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>The gateway answered, and the answer is no: nothing was stored or changed. The message is the gateway's own.</summary>
public sealed class CallRefusedException(HttpStatusCode status, string message) : CallException($"{(int)status}: {message}")
{
    /// <summary>For example 404 for no such function, 413 for too large a body.</summary>
    public HttpStatusCode Status { get; } = status;
}

/// <summary>
/// Nobody knows whether the call was stored: no answer came, the gateway lost the queue in the middle or failed, or whatever stands before it answered in its
/// place. Submitting it again is safe with the same <see cref="CallOptions.IdempotencyKey"/>, and may run it twice without one.
/// </summary>
public sealed class CallNotKnownException(string message, Exception? cause = null) : CallException(message, cause);
