namespace Connectors.Sdk.Invocation;

/// <summary>Header names that connectors send and read.</summary>
public static class WellKnownHeaders
{
    /// <summary>The caller's trace id.</summary>
    public const string CallId = "X-Call-Id";

    /// <summary>Asks for de-duplication of accepts.</summary>
    public const string IdempotencyKey = "Idempotency-Key";

    /// <summary>Names the component of the system, not the function, that made an error; such errors are always retried.</summary>
    public const string Internal = "X-OpenFaaS-Internal";

    /// <summary>How long the caller will wait, as a Go duration.</summary>
    public const string Timeout = "X-Timeout";

    /// <summary>Seconds that the function took.</summary>
    public const string DurationSeconds = "X-Duration-Seconds";

    /// <summary>Which connector sent an event.</summary>
    public const string Connector = "X-Connector";

    /// <summary>The event's topic.</summary>
    public const string Topic = "X-Topic";

    /// <summary>W3C trace context.</summary>
    public const string TraceParent = "traceparent";
}
