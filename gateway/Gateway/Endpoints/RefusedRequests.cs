using System.Diagnostics;
using Microsoft.AspNetCore.Http.Features;

namespace Connectors.Gateway.Endpoints;

/// <summary>
/// Tells of requests that the server itself refuses before anything of ours sees them: 400, 408, 414, 431, 505 for what is no HTTP, or too much of it. Their
/// answers are the server's own, and cannot be added to; the log says why, and to whom.
/// </summary>
internal sealed class RefusedRequests(ILogger<RefusedRequests> log) : IObserver<KeyValuePair<string, object?>>
{
    private const string Refused = "Microsoft.AspNetCore.Server.Kestrel.BadRequest";

    /// <summary>Listens to that event alone: more of them would cost every request.</summary>
    public void ListenTo(DiagnosticListener server) => server.Subscribe(this, name => name == Refused);

    public void OnNext(KeyValuePair<string, object?> value)
    {
        // What is refused while one of our endpoints reads it gets its answer, and its line, there.
        if (value.Value is IFeatureCollection request && request.Get<IEndpointFeature>()?.Endpoint is null && request.Get<IBadRequestExceptionFeature>()?.Error is { } fault)
        {
            var caller = request.Get<IHttpConnectionFeature>();
            Log.RequestRefused(log, $"{caller?.RemoteIpAddress}:{caller?.RemotePort}", request.Get<IHttpResponseFeature>()?.StatusCode ?? 0, fault.Message);
        }
    }

    public void OnCompleted()
    {
    }

    public void OnError(Exception error)
    {
    }
}
