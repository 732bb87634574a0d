using System.Diagnostics;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Endpoints;

/// <summary>The gateway's span of one call. While it lasts, what the call becomes continues it: the request that goes on, or the one that is stored.</summary>
internal sealed class CallSpan : IDisposable
{
    private readonly HttpContext _http;
    private readonly Activity _span;

    private CallSpan(HttpContext http, Activity span)
    {
        _http = http;
        _span = span;
    }

    /// <summary>Starts a span below the caller's; null while nobody collects them, and then the caller's context goes on as it came.</summary>
    /// <param name="http">The request.</param>
    /// <param name="deed">What is done.</param>
    /// <param name="function">The function, or what stands for those that nobody knows.</param>
    /// <param name="callId">The call's id.</param>
    public static CallSpan? Start(HttpContext http, string deed, string function, string callId)
    {
        if (!Tracing.IsOn)
        {
            return null;
        }

        var given = http.Request.Headers[WellKnownHeaders.TraceParent];
        if (Tracing.Start($"{deed} {function}", ActivityKind.Server, given is [var trace] ? trace : null) is not { } span)
        {
            return null;
        }

        span.SetTag("callId", callId).SetTag("http.request.method", http.Request.Method);
        http.Request.Headers[WellKnownHeaders.TraceParent] = span.Id;
        return new CallSpan(http, span);
    }

    public void Dispose()
    {
        var status = _http.Response.StatusCode;
        _span.SetTag("http.response.status_code", status).SetStatus(status < StatusCodes.Status500InternalServerError ? ActivityStatusCode.Ok : ActivityStatusCode.Error);
        _span.Dispose();
    }
}
