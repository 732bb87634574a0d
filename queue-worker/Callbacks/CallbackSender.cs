using System.Diagnostics;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Sdk.Hosting;

namespace Connectors.QueueWorker.Callbacks;

/// <summary>Posts an outcome to its callback URL once, and says so: one span, one log line and one count for each POST.</summary>
internal sealed class CallbackSender(QueueWorkerOptions options, CallbackPoster poster, Metrics metrics, ILogger<CallbackSender> log)
{
    public async Task<CallbackAnswer> PostAsync(Envelope envelope, CallbackRecord record, ReadOnlyMemory<byte> body, CancellationToken abort)
    {
        using var span = Tracing.Start($"callback {envelope.FunctionName}", ActivityKind.Client, envelope.Trace);
        span?.SetTag("callId", envelope.CallId).SetTag("attempt", record.Attempt);
        var answer = await poster.PostAsync(envelope with { Trace = span?.Id ?? envelope.Trace }, record, body, abort);
        span?.SetTag("http.response.status_code", answer.Status).SetStatus(answer.Error is null ? ActivityStatusCode.Ok : ActivityStatusCode.Error, answer.Error);
        var outcome = answer.Status is >= 200 and < 300 ? "delivered" : answer.Status > 0 ? "refused" : "unreachable";
        metrics.Callbacks.WithLabels(options.Queue, outcome).Inc();
        Log.Callback(log, envelope.CallId, envelope.FunctionName.ToString(), record.Attempt, answer.Status, answer.Error);
        return answer;
    }
}
