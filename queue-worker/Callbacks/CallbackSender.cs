using System.Diagnostics;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Callbacks;

/// <summary>Posts an outcome to its callback URL once, and says so: one span, one log line and one count for each POST. Says too which receivers are slow.</summary>
internal sealed class CallbackSender(QueueWorkerOptions options, CallbackPoster poster, TimeProvider time, ILogger<CallbackSender> log)
{
    /// <returns>What came back, and the record with this POST among those that are over.</returns>
    public async Task<(CallbackAnswer Answer, CallbackRecord Posted)> PostAsync(Envelope envelope, CallbackRecord record, ReadOnlyMemory<byte> body, CancellationToken abort)
    {
        var (at, begun) = (time.GetUtcNow(), time.GetTimestamp());
        using var span = Tracing.Start($"callback {envelope.FunctionName}", ActivityKind.Client, envelope.Trace);
        span?.SetTag("callId", envelope.CallId).SetTag("attempt", record.Attempt);
        var answer = await poster.PostAsync(envelope with { Trace = span?.Id ?? envelope.Trace }, record, body, abort);
        span?.SetTag("http.response.status_code", answer.Status).SetStatus(answer.Error is null ? ActivityStatusCode.Ok : ActivityStatusCode.Error, answer.Error);
        var outcome = answer.Status is >= 200 and < 300 ? "delivered" : answer.Status > 0 ? "refused" : "unreachable";
        Metrics.CalledBack(options.Queue, outcome);
        Log.Callback(log, envelope.CallId, envelope.FunctionName.ToString(), record.Attempt, answer.Status, answer.Error);
        var post = new PastAttempt { At = at, Status = answer.Status, Seconds = Math.Round(time.GetElapsedTime(begun).TotalSeconds, 6), Error = answer.Error };
        return (answer, record with { Posts = PastAttempt.Add(record.Posts, post) });
    }

    /// <summary>A receiver turned slow, or is so no more.</summary>
    public void Turned(string receiver, bool isSlow, bool isNews)
    {
        Metrics.ReceiverTurned(options.Queue, isSlow);
        if (isNews)
        {
            Log.ReceiverSlow(log, options.Queue, receiver);
        }
    }
}
