using System.Net.Sockets;
using Connectors.Sdk.Invocation;
using Microsoft.AspNetCore.Http.Features;

namespace Connectors.Gateway.Forwarding;

/// <summary>Passes a request on to an HTTP server and its answer back, both as streams: nothing is kept, nothing is sent twice.</summary>
internal sealed class Relay(HttpMessageInvoker http) : IFunctionForwarder
{
    private const int ChunkBytes = 16 * 1024;

    public static Relay Create() => new(new HttpMessageInvoker(HttpConnections.Create()));

    /// <summary>
    /// Sends the caller's request to <paramref name="target"/>, whose path and query stay as they are. <paramref name="ct"/> is the call's time limit and its caller.
    /// Only with <see cref="RelayEnd.Answered"/> and <see cref="RelayEnd.BrokenOff"/> has the caller been answered, in the latter case cut short.
    /// </summary>
    public async Task<RelayEnd> ForwardAsync(HttpContext caller, string target, RelayRules rules, CancellationToken ct)
    {
        var body = RequestBody.Of(caller);
        try
        {
            using var request = RelayedRequest.Create(caller, target, body, rules);
            var isUpgrade = UpgradedConnection.IsAskedFor(caller);
            if (isUpgrade)
            {
                UpgradedConnection.AskFor(request);
            }

            using var answer = await http.SendAsync(request, ct);
            if (rules.ErrorsOf?.Invoke((int)answer.StatusCode) is { } error)
            {
                await Answer.TextAsync(caller, error.Status, error.Text);
                return RelayEnd.Answered;
            }

            RelayedAnswer.CopyHead(answer, caller, rules);
            rules.OnHead?.Invoke(caller.Response);
            if (isUpgrade && UpgradedConnection.IsGranted(answer))
            {
                await UpgradedConnection.CopyAsync(answer, caller, ct);
                return RelayEnd.Answered;
            }

            return await CopyBodyAsync(answer, caller.Response, ct);
        }
        catch (Exception fault) when (body?.CallerFault is { } callerFault)
        {
            return callerFault is BadHttpRequestException ? throw new BadHttpRequestException(callerFault.Message, fault) : RelayEnd.CallerGone;
        }
        catch (OperationCanceledException)
        {
            return caller.RequestAborted.IsCancellationRequested ? RelayEnd.CallerGone : RelayEnd.TimedOut;
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException or SocketException)
        {
            return RelayEnd.Unreachable;
        }
    }

    /// <summary>The embedded provider's way to functions that speak HTTP.</summary>
    async Task<ForwardEnd> IFunctionForwarder.ForwardAsync(HttpContext caller, string target, Action<HttpResponse> onHead, CancellationToken ct) =>
        await ForwardAsync(caller, target, new RelayRules(GuessesContentType: true, OnHead: onHead), ct) switch
        {
            RelayEnd.Unreachable => ForwardEnd.Unreachable,
            RelayEnd.TimedOut => ForwardEnd.TimedOut,
            _ => ForwardEnd.Answered,
        };

    private static async Task<RelayEnd> CopyBodyAsync(HttpResponseMessage answer, HttpResponse response, CancellationToken ct)
    {
        var chunk = System.Buffers.ArrayPool<byte>.Shared.Rent(ChunkBytes);
        try
        {
            await using var body = await answer.Content.ReadAsStreamAsync(ct);
            while (true)
            {
                var reading = body.ReadAsync(chunk, ct);
                if (!reading.IsCompleted && !response.HasStarted && response.ContentLength is null)
                {
                    // An event stream may be silent for long; its caller sees at once that it is open.
                    await response.Body.FlushAsync(ct);
                }

                var read = await reading;
                if (read == 0)
                {
                    return RelayEnd.Answered;
                }

                await response.BodyWriter.WriteAsync(chunk.AsMemory(0, read), ct);
            }
        }
        catch (Exception fault) when (fault is OperationCanceledException or HttpRequestException or IOException or SocketException)
        {
            // The status is out, or on its way out: only a cut connection can still say that the answer is not whole.
            response.HttpContext.Abort();
            return RelayEnd.BrokenOff;
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(chunk);
        }
    }
}

/// <summary>How forwarding ended.</summary>
internal enum RelayEnd
{
    /// <summary>The whole answer went back.</summary>
    Answered,

    /// <summary>The answer began and broke off; the caller's connection is cut.</summary>
    BrokenOff,

    /// <summary>No connection, or one that broke before it answered; the caller has no answer yet.</summary>
    Unreachable,

    /// <summary>The time limit passed; the caller has no answer yet.</summary>
    TimedOut,

    /// <summary>The caller left.</summary>
    CallerGone,
}

/// <summary>What differs between the servers that requests are passed on to.</summary>
/// <param name="Authorization">Takes the place of the caller's own credentials; null leaves those.</param>
/// <param name="GuessesContentType">Whether an answer without content type gets the request's, or text/plain (openfaas-spec 10.3).</param>
/// <param name="ErrorsOf">What to answer instead of a status of the server's; null passes its answer on.</param>
/// <param name="OnHead">Called before the answer's head goes back.</param>
internal sealed record RelayRules(
    string? Authorization = null, bool GuessesContentType = false, Func<int, (int Status, string Text)?>? ErrorsOf = null, Action<HttpResponse>? OnHead = null);
