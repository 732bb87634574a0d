using System.Buffers;
using System.Collections.Frozen;
using System.IO.Pipelines;
using System.Text;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace Connectors.Gateway.Forwarding;

/// <summary>A caller's request on its way to a server: every header but those of one connection, and the body chunk by chunk as it comes in.</summary>
internal sealed class UpstreamRequest(HttpContext caller, PipeWriter server)
{
    // The server's own name, the length that is known better here, and a wait that this side has already ended.
    private static readonly FrozenSet<string> MadeAnew = FrozenSet.Create(StringComparer.OrdinalIgnoreCase, "Host", "Content-Length", "Expect");
    private static readonly string UserAgent = $"gateway/{CommandLine.Version}";

    private readonly HttpRequest _request = caller.Request;

    /// <summary>Whether there is, or may be, a body.</summary>
    public bool HasBody { get; } = caller.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true;

    /// <summary>What went wrong on the caller's side, as opposed to the server's.</summary>
    public Exception? CallerFault { get; private set; }

    private bool IsChunked => HasBody && _request.ContentLength is null;

    /// <summary>Puts the head into the connection's buffer; nothing is sent yet.</summary>
    public void WriteHead(string authority, string pathAndQuery, Upstream upstream, bool asksForUpgrade)
    {
        Write($"{_request.Method} {pathAndQuery} HTTP/1.1\r\nHost: {authority}\r\n");
        foreach (var (name, values) in _request.Headers)
        {
            if (IsPassedOn(name) && !(upstream.Authorization is not null && name.Equals("Authorization", StringComparison.OrdinalIgnoreCase)))
            {
                WriteHeaders(name, values);
            }
        }

        WriteOwn(upstream, asksForUpgrade);
        server.Write("\r\n"u8);
    }

    /// <summary>
    /// Sends what is buffered, and the body. Returns when all of it is sent, or nothing more of it can be: the server may have answered without waiting for it,
    /// and what it answered counts. A fault of the caller's cancels <paramref name="exchange"/>.
    /// </summary>
    /// <returns>Whether the whole request went out.</returns>
    public async Task<bool> SendAsync(CancellationTokenSource exchange)
    {
        try
        {
            if (HasBody)
            {
                await CopyBodyAsync(exchange.Token);
            }

            return !(await server.FlushAsync(exchange.Token)).IsCanceled;
        }
        catch (Exception) when (CallerFault is not null)
        {
            await exchange.CancelAsync();
            return false;
        }
        catch (Exception fault) when (fault is IOException or OperationCanceledException or ObjectDisposedException)
        {
            return false;
        }
    }

    // What was read is always given back, or Kestrel could not read on when it looks for the next request.
    private async Task CopyBodyAsync(CancellationToken ct)
    {
        for (var isOver = false; !isOver;)
        {
            var read = await ReadAsync(ct);
            isOver = read.IsCompleted;
            WriteBody(read.Buffer);
            _request.BodyReader.AdvanceTo(read.Buffer.End);
            if (!isOver)
            {
                await server.FlushAsync(ct);
            }
        }

        if (IsChunked)
        {
            WriteEnd();
        }
    }

    private async ValueTask<ReadResult> ReadAsync(CancellationToken ct)
    {
        // A body that is there already travels with the head.
        if (TryRead() is { } there)
        {
            return there;
        }

        await server.FlushAsync(ct);
        try
        {
            return await _request.BodyReader.ReadAsync(ct);
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            CallerFault = fault;
            throw;
        }
    }

    private ReadResult? TryRead()
    {
        try
        {
            return _request.BodyReader.TryRead(out var read) ? read : null;
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            CallerFault = fault;
            throw;
        }
    }

    private void WriteBody(ReadOnlySequence<byte> part)
    {
        if (part.IsEmpty)
        {
            return;
        }

        if (IsChunked)
        {
            Write($"{part.Length:x}\r\n");
        }

        foreach (var segment in part)
        {
            server.Write(segment.Span);
        }

        if (IsChunked)
        {
            server.Write("\r\n"u8);
        }
    }

    private void WriteEnd()
    {
        server.Write("0\r\n"u8);
        if (_request.CheckTrailersAvailable() && caller.Features.Get<IHttpRequestTrailersFeature>() is { } feature)
        {
            foreach (var (name, values) in feature.Trailers.Where(trailer => IsPassedOn(trailer.Key)))
            {
                WriteHeaders(name, values);
            }
        }

        server.Write("\r\n"u8);
    }

    private void WriteOwn(Upstream upstream, bool asksForUpgrade)
    {
        if (upstream.Authorization is { } authorization)
        {
            WriteHeaders("Authorization", authorization);
        }

        if (_request.Headers.UserAgent.Count == 0)
        {
            WriteHeaders("User-Agent", UserAgent);
        }

        if (asksForUpgrade)
        {
            server.Write("Connection: Upgrade\r\nUpgrade: websocket\r\n"u8);
        }

        if (_request.Headers.TE.ToString().Contains("trailers", StringComparison.OrdinalIgnoreCase))
        {
            server.Write(asksForUpgrade ? "TE: trailers\r\n"u8 : "Connection: TE\r\nTE: trailers\r\n"u8);
        }

        if (IsChunked)
        {
            server.Write("Transfer-Encoding: chunked\r\n"u8);
            if (_request.Headers.Trailer is { Count: > 0 } trailer)
            {
                WriteHeaders("Trailer", trailer);
            }
        }
        else if (_request.ContentLength is { } length)
        {
            Write($"Content-Length: {length}\r\n");
        }
        else if (HttpMethods.IsPost(_request.Method) || HttpMethods.IsPut(_request.Method) || HttpMethods.IsPatch(_request.Method))
        {
            server.Write("Content-Length: 0\r\n"u8);
        }
    }

    private static bool IsPassedOn(string name) => !HopByHop.Contains(name) && !MadeAnew.Contains(name);

    private void WriteHeaders(string name, StringValues values)
    {
        foreach (var value in values)
        {
            Write($"{name}: {new Header(name, value ?? "").OneLine}\r\n");
        }
    }

    // Header values are bytes: each char up to U+00FF is one.
    private void Write(string text) => Encoding.Latin1.GetBytes(text, server);
}
