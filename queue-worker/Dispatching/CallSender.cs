using System.Diagnostics;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Sdk.Hosting;

namespace Connectors.QueueWorker.Dispatching;

/// <summary>Sends a call to its function, and says so: one log line and one count for each attempt.</summary>
internal sealed class CallSender(QueueWorkerOptions options, Invoker invoker, Metrics metrics, TimeProvider time, ILogger<CallSender> log)
{
    public async Task<Outcome> SendAsync(Envelope envelope, ReadOnlyMemory<byte> body, CancellationToken abort)
    {
        var function = envelope.FunctionName.ToString();
        if (envelope.Attempt == 1)
        {
            metrics.QueueTime.WithLabels(options.Queue, function).Observe((time.GetUtcNow() - envelope.Submitted).TotalSeconds);
        }

        Log.Invoke(log, envelope.CallId, function, envelope.Attempt);
        using var span = Tracing.Start($"call {function}", ActivityKind.Client, envelope.Trace);
        span?.SetTag("callId", envelope.CallId).SetTag("attempt", envelope.Attempt);
        using var inflight = metrics.Inflight(options.Queue, function);
        var outcome = await invoker.InvokeAsync(CallRequest.From(envelope, body, options.Dispatch, span?.Id), abort);
        span?.SetTag("http.response.status_code", outcome.Status).SetStatus(outcome.Kind == OutcomeKind.Succeeded ? ActivityStatusCode.Ok : ActivityStatusCode.Error, outcome.Error);
        Log.Invoked(log, envelope.CallId, function, envelope.Attempt, outcome.Status, outcome.Duration, outcome.Error);
        if (options.Dispatch.WriteDebug)
        {
            Log.Answered(log, envelope.CallId, function, outcome.BodyLength, System.Text.Encoding.UTF8.GetString(outcome.Body.Span));
        }

        metrics.Attempts.WithLabels(options.Queue, function, outcome.Status.ToString()).Inc();
        metrics.CallDuration.WithLabels(options.Queue, function).Observe(outcome.Duration.TotalSeconds);
        return outcome;
    }
}
