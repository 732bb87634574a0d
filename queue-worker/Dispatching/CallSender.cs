using System.Diagnostics;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Dispatching;

/// <summary>
/// Sends a call to its function, and says so: one log line and one count for each attempt. A call that its caller cancelled is not sent; one that is
/// cancelled while it runs is aborted.
/// </summary>
internal sealed class CallSender(
    QueueWorkerOptions options, Invoker invoker, CancelledCalls cancelled, TimeProvider time, ILogger<CallSender> log)
{
    // What nginx logs for a client that went away; no function can answer it through HTTP.
    private const int ClientClosedRequest = 499;

    /// <summary>Whether an aborted outcome was its caller's wish.</summary>
    public bool IsCancelled(Envelope envelope) => cancelled.Contains(envelope);

    public async Task<Outcome> SendAsync(Envelope envelope, ReadOnlyMemory<byte> body, CancellationToken abort)
    {
        await cancelled.LoadedAsync(abort);
        if (envelope.Redrive > 0)
        {
            await cancelled.RefreshAsync(envelope.CallId, abort);
        }

        using var either = CancellationTokenSource.CreateLinkedTokenSource(abort);
        using var watched = cancelled.Watch(envelope, either);
        return IsCancelled(envelope)
            ? new Outcome { Kind = OutcomeKind.Aborted, Status = ClientClosedRequest, Error = "cancelled before it was sent" }
            : await InvokeAsync(envelope, body, either.Token);
    }

    private async Task<Outcome> InvokeAsync(Envelope envelope, ReadOnlyMemory<byte> body, CancellationToken abort)
    {
        var function = envelope.FunctionName.ToString();
        if (envelope.Attempt == 1)
        {
            Metrics.Waited(options.Queue, function, time.GetUtcNow() - envelope.Submitted);
        }

        Log.Invoke(log, envelope.CallId, function, envelope.Attempt);
        using var span = Tracing.Start($"call {function}", ActivityKind.Client, envelope.Trace);
        span?.SetTag("callId", envelope.CallId).SetTag("attempt", envelope.Attempt);
        using var inflight = Metrics.Inflight(options.Queue, function);
        var outcome = await invoker.InvokeAsync(CallRequest.From(envelope, body, options.Dispatch, span?.Id), abort);
        span?.SetTag("http.response.status_code", outcome.Status).SetStatus(outcome.Kind == OutcomeKind.Succeeded ? ActivityStatusCode.Ok : ActivityStatusCode.Error, outcome.Error);
        Log.Invoked(log, envelope.CallId, function, envelope.Attempt, outcome.Status, outcome.Duration, outcome.Error);
        if (options.Dispatch.WriteDebug)
        {
            Log.Answered(log, envelope.CallId, function, outcome.BodyLength, System.Text.Encoding.UTF8.GetString(outcome.Body.Span));
        }

        Metrics.Attempted(options.Queue, function, outcome.Status, outcome.Duration);
        return outcome;
    }
}

/// <summary>The HTTP request that an envelope asks for: always POST, whatever the caller's verb was.</summary>
internal static class CallRequest
{
    // X-Invoke-Mode would enqueue the call again; the others are set anew.
    private static readonly string[] NotSent =
        [CallHeaders.InvokeMode, WellKnownHeaders.CallId, CallHeaders.DeliveryId, CallHeaders.Attempt, WellKnownHeaders.TraceParent];

    public static FunctionCall From(Envelope envelope, ReadOnlyMemory<byte> body, DispatchOptions options, string? trace) => new()
    {
        Function = envelope.FunctionName,
        Path = envelope.Path,
        Query = envelope.Query,
        Headers = [.. envelope.Headers.Where(h => !NotSent.Any(h.Is)), .. Own(envelope, trace)],
        Body = body,
        Timeout = options.UpstreamTimeout,
        KeepBytes = envelope.Callback is null && envelope.StoreResult is null && !options.WriteDebug ? 0 : options.MaxResultBytes,
    };

    private static IEnumerable<Header> Own(Envelope envelope, string? trace)
    {
        yield return new Header(WellKnownHeaders.CallId, envelope.CallId);
        yield return new Header(CallHeaders.DeliveryId, envelope.DeliveryId);
        yield return new Header(CallHeaders.Attempt, envelope.Attempt.ToString());
        if ((trace ?? envelope.Trace) is { } parent)
        {
            yield return new Header(WellKnownHeaders.TraceParent, parent);
        }
    }
}
