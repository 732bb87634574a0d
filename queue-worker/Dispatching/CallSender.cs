using System.Collections.Frozen;
using System.Diagnostics;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Dispatching;

/// <summary>
/// Sends a call to its function, and says so: one log line and one count for each attempt. A call that its caller cancelled is not sent; one that is
/// cancelled while it runs is aborted.
/// </summary>
internal sealed class CallSender(
    QueueWorkerOptions options, NatsLink link, CallRoutes routes, CancelledCalls cancelled, TimeProvider time, ILogger<CallSender> log)
{
    // What nginx logs for a client that went away; no function can answer it through HTTP.
    private const int ClientClosedRequest = 499;

    // What a callback or a stored result has of ours only now and then: of a function it would pass for that. And what the gateway tells the worker alone.
    private static readonly FrozenSet<string> Ours = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase, CallHeaders.CallState, CallHeaders.ResultDropped, CallHeaders.Redrive, WellKnownHeaders.TraceParent, CallHeaders.GrantedTimeout);

    /// <summary>Whether an aborted outcome was its caller's wish.</summary>
    public bool IsCancelled(Envelope envelope) => cancelled.Contains(envelope);

    public async Task<Outcome> SendAsync(Envelope envelope, ReadOnlyMemory<byte> body, CancellationToken abort)
    {
        await cancelled.LoadedAsync(abort);
        using var limit = new TimeLimit(options.Dispatch.UpstreamTimeout, time, abort);
        cancelled.Watch(envelope, limit);
        try
        {
            return IsCancelled(envelope)
                ? new Outcome { Kind = OutcomeKind.Aborted, Status = ClientClosedRequest, Error = "cancelled before it was sent" }
                : await InvokeAsync(envelope, body, limit);
        }
        finally
        {
            cancelled.Unwatch(limit);
        }
    }

    private async Task<Outcome> InvokeAsync(Envelope envelope, ReadOnlyMemory<byte> body, TimeLimit limit)
    {
        using var call = Metrics.Count(options.Queue, envelope);
        // A probe that failed was put aside as it came, but for the time of its first send.
        if (envelope is { Attempt: 1, FirstAt: null })
        {
            // The gateway that accepted it may have a clock that is ahead of this one.
            var waited = time.GetUtcNow() - envelope.AgeFrom;
            call.Waited(waited > TimeSpan.Zero ? waited : TimeSpan.Zero);
        }

        Log.Invoke(log, envelope.CallId, call.Function, envelope.Attempt);
        using var span = Tracing.IsOn ? Tracing.Start($"call {call.Function}", ActivityKind.Client, envelope.Trace) : null;
        span?.SetTag("callId", envelope.CallId).SetTag("attempt", envelope.Attempt);
        call.Began();
        Outcome outcome;
        try
        {
            outcome = WithoutOurs(await routes.Of(envelope).InvokeAsync(CallRequest.From(envelope, body, options.Dispatch, link.MaxPayload, span?.Id), limit));
        }
        finally
        {
            call.Over();
        }

        span?.SetTag("http.response.status_code", outcome.Status).SetStatus(outcome.Kind == OutcomeKind.Succeeded ? ActivityStatusCode.Ok : ActivityStatusCode.Error, outcome.Error);
        Log.Invoked(log, envelope.CallId, call.Function, envelope.Attempt, outcome.Status, outcome.Duration, outcome.Error);
        if (options.Dispatch.WriteDebug)
        {
            Log.Answered(log, envelope.CallId, call.Function, outcome.BodyLength, System.Text.Encoding.UTF8.GetString(outcome.Body.Span));
        }

        call.Attempted(outcome.Status, outcome.Duration);
        return outcome;
    }

    private static Outcome WithoutOurs(Outcome outcome) => outcome.Headers.Any(header => Ours.Contains(header.Name))
        ? outcome with { Headers = [.. outcome.Headers.Where(header => !Ours.Contains(header.Name))] }
        : outcome;
}

/// <summary>The HTTP request that an envelope asks for: always POST, whatever the caller's verb was.</summary>
internal static class CallRequest
{
    // X-Invoke-Mode would enqueue the call again; the others are set anew.
    private static readonly FrozenSet<string> NotSent = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase,
        CallHeaders.InvokeMode, WellKnownHeaders.CallId, CallHeaders.DeliveryId, CallHeaders.Attempt, WellKnownHeaders.TraceParent);

    public static FunctionCall From(Envelope envelope, ReadOnlyMemory<byte> body, DispatchOptions options, int maxPayload, string? trace)
    {
        var isTold = envelope.Callback is not null || envelope.StoreResult is not null;
        return new FunctionCall
        {
            Function = envelope.FunctionName,
            Path = envelope.Path,
            Query = envelope.Query,
            Headers = HeadersOf(envelope, trace),
            Body = body,
            Timeout = options.UpstreamTimeout,
            KeepBytes = KeepBytes(envelope, options, maxPayload),
            KeepHeaders = isTold,
        };
    }

    // A callback tells even what no message holds. A result alone is stored as one message: of a longer answer nothing would be left.
    private static long KeepBytes(Envelope envelope, DispatchOptions options, int maxPayload) =>
        envelope.Callback is not null || options.WriteDebug ? options.MaxResultBytes
        : envelope.StoreResult is not null ? Math.Min(options.MaxResultBytes, maxPayload)
        : 0;

    private static List<Header> HeadersOf(Envelope envelope, string? trace)
    {
        var headers = new List<Header>(envelope.Headers.Count + 4);
        foreach (var header in envelope.Headers)
        {
            if (!NotSent.Contains(header.Name))
            {
                headers.Add(header);
            }
        }

        headers.Add(new(WellKnownHeaders.CallId, envelope.CallId));
        headers.Add(new(CallHeaders.DeliveryId, envelope.DeliveryId));
        headers.Add(new(CallHeaders.Attempt, envelope.Attempt.ToString()));
        if ((trace ?? envelope.Trace) is { } parent)
        {
            headers.Add(new(WellKnownHeaders.TraceParent, parent));
        }

        return headers;
    }
}
