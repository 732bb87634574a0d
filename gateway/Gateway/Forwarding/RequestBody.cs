using System.Net;
using Microsoft.AspNetCore.Http.Features;

namespace Connectors.Gateway.Forwarding;

/// <summary>A caller's body on its way to a server, chunk by chunk as it comes in.</summary>
internal sealed class RequestBody : HttpContent
{
    private readonly HttpRequest _request;

    private RequestBody(HttpRequest request) => _request = request;

    /// <summary>What went wrong on the caller's side, as opposed to the server's.</summary>
    public Exception? CallerFault { get; private set; }

    /// <summary>Null for a request that cannot have a body.</summary>
    public static RequestBody? Of(HttpContext http) =>
        http.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true ? new RequestBody(http.Request) : null;

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => CopyAsync(stream, CancellationToken.None);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) =>
        CopyAsync(stream, cancellationToken);

    protected override bool TryComputeLength(out long length)
    {
        length = _request.ContentLength ?? 0;
        return _request.ContentLength is not null;
    }

    private async Task CopyAsync(Stream server, CancellationToken ct)
    {
        var caller = _request.BodyReader;
        while (true)
        {
            var read = await ReadAsync(caller, ct);
            foreach (var segment in read.Buffer)
            {
                await server.WriteAsync(segment, ct);
            }

            caller.AdvanceTo(read.Buffer.End);
            await server.FlushAsync(ct);
            if (read.IsCompleted)
            {
                return;
            }
        }
    }

    private async ValueTask<System.IO.Pipelines.ReadResult> ReadAsync(System.IO.Pipelines.PipeReader caller, CancellationToken ct)
    {
        try
        {
            return await caller.ReadAsync(ct);
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            CallerFault = fault;
            throw;
        }
    }
}
