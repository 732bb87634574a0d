using System.Buffers;
using System.Net.Sockets;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Forwarding;

/// <summary>
/// Passes a request on to an HTTP/1.1 server and its answer back, both as streams: nothing is kept. The answer is read while the request is still being sent,
/// so a server may refuse a large body at its first byte. Only what may be repeated by anybody, a GET or HEAD without a body, is ever sent a second time:
/// when a kept connection turns out to be closed before a byte of the answer came.
/// </summary>
internal sealed class Relay(UpstreamConnections connections) : IFunctionForwarder
{
    /// <summary>
    /// Sends the caller's request to <paramref name="target"/>, whose path and query stay as they are. <paramref name="ct"/> is the call's time limit and its caller.
    /// Only with <see cref="ForwardKind.Answered"/>, <see cref="ForwardKind.EndedEarly"/> and <see cref="ForwardKind.BrokenOff"/> has the caller been answered, in the last case cut short.
    /// </summary>
    public async Task<ForwardOutcome> ForwardAsync(HttpContext caller, string target, Upstream upstream, CancellationToken ct)
    {
        ForwardOutcome outcome;
        try
        {
            var (server, pathAndQuery) = connections.Split(target);
            outcome = (connections.Reuse(server) is { } kept ? await ExchangeAsync(kept, caller, pathAndQuery, upstream, ct) : null)
                ?? await ExchangeAsync(await connections.ConnectAsync(server, ct), caller, pathAndQuery, upstream, ct, isNew: true)
                ?? new ForwardOutcome(ForwardKind.Unreachable, "the connection ended before the answer");
        }
        catch (OperationCanceledException)
        {
            outcome = caller.RequestAborted.IsCancellationRequested ? new ForwardOutcome(ForwardKind.CallerGone) : new ForwardOutcome(ForwardKind.TimedOut, "no answer in time");
        }
        catch (Exception fault) when (fault is (IOException and not BadHttpRequestException) or SocketException)
        {
            outcome = new ForwardOutcome(ForwardKind.Unreachable, fault.Message);
        }

        if (outcome.Error.Length > 0)
        {
            // Whatever is answered now, the log says what was behind it.
            caller.Features.Set(new FailureCause($"{target.Split('?')[0]}: {outcome.Error}"));
        }

        if (outcome.Kind != ForwardKind.BadAnswer)
        {
            return outcome;
        }

        await Answer.TextAsync(caller, StatusCodes.Status502BadGateway, $"The function's answer cannot be passed on: {outcome.Error}.");
        return new ForwardOutcome(ForwardKind.Answered);
    }

    /// <summary>The embedded provider's way to functions that speak HTTP.</summary>
    Task<ForwardOutcome> IFunctionForwarder.ForwardAsync(HttpContext caller, string target, Action<HttpResponse> onHead, CancellationToken ct) =>
        ForwardAsync(caller, target, new Upstream(GuessesContentType: true, OnHead: onHead), ct);

    // Null: the connection ended before a byte of the answer, and the request may be sent once more.
    private async Task<ForwardOutcome?> ExchangeAsync(
        UpstreamConnection connection, HttpContext caller, string pathAndQuery, Upstream upstream, CancellationToken ct, bool isNew = false)
    {
        using var request = new UpstreamRequest(caller, connection.Output, ct);
        var asksForUpgrade = UpgradedConnection.IsAskedFor(caller);
        request.WriteHead(connection.Server, pathAndQuery, upstream, asksForUpgrade);
        var sending = request.SendAsync();
        var isKept = false;
        try
        {
            if (await ReadHeadAsync(connection, caller.Request.Method, request.Token) is not { } head)
            {
                return !isNew && !request.HasBody && IsSafe(caller.Request.Method) ? null : new ForwardOutcome(ForwardKind.Unreachable, "the connection ended before the answer");
            }

            if (head.Status == StatusCodes.Status101SwitchingProtocols)
            {
                if (!asksForUpgrade)
                {
                    throw new BadAnswerException("it switches to a protocol that nobody asked for");
                }

                CopyHead(head, caller, upstream);
                await UpgradedConnection.CopyAsync(connection, caller);
                return new ForwardOutcome(ForwardKind.Answered);
            }

            if (upstream.ErrorsOf?.Invoke(head.Status) is { } error)
            {
                await Answer.TextAsync(caller, error.Status, error.Text);
                return new ForwardOutcome(ForwardKind.Answered);
            }

            var outcome = await CopyAsync(head, connection, caller, upstream, ct);
            isKept = outcome.Kind == ForwardKind.Answered && head.KeepsAlive && sending.IsCompletedSuccessfully && await sending && !connection.HasUnread;
            if (isKept)
            {
                connections.Keep(connection, head.IdleLimit);
            }

            return outcome;
        }
        catch (BadAnswerException fault)
        {
            return new ForwardOutcome(ForwardKind.BadAnswer, fault.Message);
        }
        catch (Exception) when (request.CallerFault is { } fault)
        {
            return fault is BadHttpRequestException ? throw fault : new ForwardOutcome(ForwardKind.CallerGone);
        }
        finally
        {
            if (!isKept)
            {
                await request.StopAsync();
                connection.Dispose();
            }

            await sending;
        }
    }

    // Null if the connection ended, in good order or not, before its first byte.
    private static async ValueTask<AnswerHead?> ReadHeadAsync(UpstreamConnection connection, string method, CancellationToken ct)
    {
        var lookedAt = 0L;
        while (true)
        {
            System.IO.Pipelines.ReadResult read;
            try
            {
                read = await connection.Input.ReadAsync(ct);
            }
            catch (IOException)
            {
                return null;
            }

            if (EndOfHead(read.Buffer, ref lookedAt) is { } end)
            {
                var head = AnswerHead.Parse(read.Buffer.Slice(0, end), method);
                connection.Input.AdvanceTo(end);
                if (!head.IsInterim)
                {
                    return head;
                }

                lookedAt = 0;
                continue;
            }

            var length = read.Buffer.Length;
            connection.Input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            if (read.IsCompleted)
            {
                return length == 0 ? null : throw new BadAnswerException("it ends within its headers");
            }

            if (length > AnswerHead.MaxBytes)
            {
                throw new BadAnswerException($"its headers are longer than {AnswerHead.MaxBytes / 1024} KiB");
            }
        }
    }

    // Behind the first empty line. Lines that were looked at before are passed over: a head may come byte by byte.
    private static SequencePosition? EndOfHead(ReadOnlySequence<byte> read, ref long lookedAt)
    {
        var reader = new SequenceReader<byte>(read);
        reader.Advance(lookedAt);
        while (reader.TryReadTo(out ReadOnlySequence<byte> line, (byte)'\n'))
        {
            if (line.Length == 0 || (line.Length == 1 && line.FirstSpan[0] == '\r'))
            {
                return reader.Position;
            }

            lookedAt = reader.Consumed;
        }

        return null;
    }

    private static async Task<ForwardOutcome> CopyAsync(AnswerHead head, UpstreamConnection connection, HttpContext caller, Upstream upstream, CancellationToken ct)
    {
        CopyHead(head, caller, upstream);

        // Trailers need not be announced: whatever comes in chunks may end with some. What may end early the server ends, in good order.
        var isDropped = head.Status == StatusCodes.Status205ResetContent;
        var writesChunks = head.Framing == BodyFraming.Chunked && !isDropped && !upstream.MayEndEarly && HttpProtocol.IsHttp11(caller.Request.Protocol);
        if (writesChunks)
        {
            caller.Response.Headers.TransferEncoding = "chunked";
            caller.Response.Headers.Trailer = head.Values("Trailer");
        }

        try
        {
            await new AnswerBody(connection.Input, caller.Response, isDropped, ct) { WritesChunks = writesChunks }.CopyAsync(head);
            return new ForwardOutcome(ForwardKind.Answered);
        }
        catch (OperationCanceledException) when (upstream.MayEndEarly && head.Framing != BodyFraming.Length && !caller.RequestAborted.IsCancellationRequested)
        {
            return new ForwardOutcome(ForwardKind.EndedEarly);
        }
        catch (Exception fault) when (fault is OperationCanceledException or IOException or BadAnswerException or SocketException)
        {
            // The status is out, or on its way out: only a cut connection can still say that the answer is not whole.
            var hasLeft = caller.RequestAborted.IsCancellationRequested;
            caller.Abort();
            return hasLeft
                ? new ForwardOutcome(ForwardKind.CallerGone)
                : new ForwardOutcome(ForwardKind.BrokenOff, fault is OperationCanceledException ? "the answer was not whole within the call's time limit" : $"the answer broke off: {fault.Message}");
        }
    }

    // In place of headers of the same name that are already set.
    private static void CopyHead(AnswerHead head, HttpContext caller, Upstream upstream)
    {
        var response = caller.Response;
        response.StatusCode = head.Status;
        HeaderLines.Set(response.Headers, head.Headers, head.IsPassedOn);
        if (head.Status is not (101 or 204 or 205))
        {
            response.ContentLength = head.Length;
        }

        if (upstream.GuessesContentType && response.ContentType is null && head.Length != 0 && head.Status is not (101 or 204 or 205 or 304))
        {
            // The request's own value was not written by anybody who mends what no answer may hold.
            response.ContentType = new Header("", caller.Request.ContentType ?? "text/plain").OneLine;
        }

        upstream.OnHead?.Invoke(response);
    }

    // In capitals: a verb in other letters is a server's own.
    private static bool IsSafe(string method) => method == HttpMethods.Get || method == HttpMethods.Head;
}

/// <summary>What differs between the servers that requests are passed on to.</summary>
/// <param name="Authorization">Takes the place of the caller's own credentials; null leaves those.</param>
/// <param name="GuessesContentType">Whether an answer without content type gets the request's, or text/plain, as OpenFaaS's watchdog does it.</param>
/// <param name="ErrorsOf">What to answer instead of a status of the server's; null passes its answer on.</param>
/// <param name="OnHead">Called before the answer's head goes back.</param>
/// <param name="MayEndEarly">Whether an answer that goes on until somebody ends it, such as a followed log, is whole wherever its time is over.</param>
internal sealed record Upstream(
    string? Authorization = null,
    bool GuessesContentType = false,
    Func<int, (int Status, string Text)?>? ErrorsOf = null,
    Action<HttpResponse>? OnHead = null,
    bool MayEndEarly = false);

/// <summary>Why the gateway answers an error of its own, in words for its operator.</summary>
internal sealed record FailureCause(string Text);
