using System.Buffers;
using System.Buffers.Text;
using System.Collections.Frozen;
using System.IO.Pipelines;
using System.Text;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace Connectors.Gateway.Forwarding;

/// <summary>A caller's request on its way to a server: every header but those of one connection, and the body chunk by chunk as it comes in.</summary>
internal sealed class UpstreamRequest(HttpContext caller, PipeWriter server, CancellationToken ct) : IDisposable
{
    // The server's own name, the length that is known better here, and a wait that this side has already ended.
    private static readonly FrozenSet<string> MadeAnew = FrozenSet.Create(StringComparer.OrdinalIgnoreCase, "Host", "Content-Length", "Expect");
    private static readonly string UserAgent = $"gateway/{CommandLine.Version}";

    private const int MaxDigits = 20;

    private readonly HttpRequest _request = caller.Request;

    private static ReadOnlySpan<byte> NewLine => "\r\n"u8;

    // Made only for a request that cannot be sent at once: its end then ends whatever still waits.
    private CancellationTokenSource? _exchange;

    /// <summary>Whether there is, or may be, a body.</summary>
    public bool HasBody { get; } = caller.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true;

    /// <summary>What went wrong on the caller's side, as opposed to the server's.</summary>
    public Exception? CallerFault { get; private set; }

    /// <summary>Ends with the call, and when the caller's side fails: then no answer need be waited for.</summary>
    public CancellationToken Token => _exchange?.Token ?? ct;

    private bool IsChunked => HasBody && _request.ContentLength is null;

    private CancellationTokenSource Exchange => _exchange ??= CancellationTokenSource.CreateLinkedTokenSource(ct);

    /// <summary>Puts the head into the connection's buffer; nothing is sent yet.</summary>
    public void WriteHead(UpstreamServer to, string pathAndQuery, Upstream upstream, bool asksForUpgrade)
    {
        Write(_request.Method);
        server.Write(" "u8);
        Write(RequestTarget.Of(pathAndQuery));
        server.Write(" HTTP/1.1\r\nHost: "u8);
        server.Write(to.Authority.Span);
        server.Write(NewLine);
        foreach (var (name, values) in _request.Headers)
        {
            if (IsPassedOn(name) && !(upstream.Authorization is not null && name.Equals("Authorization", StringComparison.OrdinalIgnoreCase)))
            {
                WriteHeaders(name, values);
            }
        }

        WriteOwn(upstream, asksForUpgrade);
        server.Write(NewLine);
    }

    /// <summary>
    /// Sends what is buffered, and the body. Returns when all of it is sent, or nothing more of it can be: the server may have answered without waiting for it,
    /// and what it answered counts. A fault of the caller's ends <see cref="Token"/>.
    /// </summary>
    /// <returns>Whether the whole request went out.</returns>
    public async Task<bool> SendAsync()
    {
        try
        {
            if (HasBody)
            {
                await CopyBodyAsync();
            }

            return !(await server.FlushAsync(Token)).IsCanceled;
        }
        catch (Exception) when (CallerFault is not null)
        {
            await Exchange.CancelAsync();
            return false;
        }
        catch (Exception fault) when (fault is IOException or OperationCanceledException or ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>Whoever has answered need not be told the rest.</summary>
    public Task StopAsync() => _exchange?.CancelAsync() ?? Task.CompletedTask;

    public void Dispose() => _exchange?.Dispose();

    // What was read is always given back, or Kestrel could not read on when it looks for the next request.
    private async Task CopyBodyAsync()
    {
        for (var isOver = false; !isOver;)
        {
            var read = await ReadAsync();
            isOver = read.IsCompleted;
            WriteBody(read.Buffer);
            _request.BodyReader.AdvanceTo(read.Buffer.End);
            if (!isOver)
            {
                await server.FlushAsync(Exchange.Token);
            }
        }

        if (IsChunked)
        {
            WriteEnd();
        }
    }

    private async ValueTask<ReadResult> ReadAsync()
    {
        // A body that is there already travels with the head.
        if (TryRead() is { } there)
        {
            return there;
        }

        await server.FlushAsync(Exchange.Token);
        try
        {
            return await _request.BodyReader.ReadAsync(Exchange.Token);
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
            WriteNumber(part.Length, 'x');
            server.Write(NewLine);
        }

        foreach (var segment in part)
        {
            server.Write(segment.Span);
        }

        if (IsChunked)
        {
            server.Write(NewLine);
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

        server.Write(NewLine);
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

        if (_request.Headers.TE is { Count: > 0 } te && te.ToString().Contains("trailers", StringComparison.OrdinalIgnoreCase))
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
            server.Write("Content-Length: "u8);
            WriteNumber(length, 'D');
            server.Write(NewLine);
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
            WriteHeader(name, new Header(name, value ?? "").OneLine);
        }
    }

    // Header values are bytes: each char up to U+00FF is one.
    private void WriteHeader(string name, string value)
    {
        var into = server.GetSpan(name.Length + value.Length + 4);
        var at = Encoding.Latin1.GetBytes(name, into);
        ": "u8.CopyTo(into[at..]);
        at += 2;
        at += Encoding.Latin1.GetBytes(value, into[at..]);
        NewLine.CopyTo(into[at..]);
        server.Advance(at + 2);
    }

    private void Write(string text) => server.Advance(Encoding.Latin1.GetBytes(text, server.GetSpan(text.Length)));

    private void WriteNumber(long number, char format)
    {
        Utf8Formatter.TryFormat(number, server.GetSpan(MaxDigits), out var digits, format);
        server.Advance(digits);
    }
}
