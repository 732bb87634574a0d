using System.Globalization;
using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Consuming;

/// <summary>What the streams' states say of the queue, as metrics.</summary>
internal sealed class QueueGauges(QueueWorkerOptions options, WaitingRetries retries, TimeProvider time)
{
    private readonly HashSet<string> _functions = [];

    public void Show(StreamInfo info)
    {
        Metrics.Submitted(options.Queue, info.State.LastSeq);
        Metrics.OldestPending(options.Queue, Oldest(info));
        Metrics.WaitingRetries(options.Queue, retries.Count());
        var waiting = Waiting(info);
        foreach (var function in _functions.Union(waiting.Keys).ToList())
        {
            _functions.Add(function);
            Metrics.Pending(options.Queue, function, waiting.GetValueOrDefault(function));
        }
    }

    private TimeSpan Oldest(StreamInfo info)
    {
        var isKnown = DateTimeOffset.TryParse(info.State.FirstTs, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var first);
        var age = time.GetUtcNow() - first;
        return info.State.Messages > 0 && isKnown && age > TimeSpan.Zero ? age : TimeSpan.Zero;
    }

    private static Dictionary<string, double> Waiting(StreamInfo info)
    {
        var waiting = new Dictionary<string, double>();
        foreach (var (subject, count) in info.State.Subjects ?? new Dictionary<string, long>())
        {
            // Whoever writes to the stream chooses subjects; labels are for functions.
            var label = StreamNames.FunctionOf(subject) is { IsValid: true } function ? function.ToString() : "foreign";
            waiting[label] = waiting.GetValueOrDefault(label) + count;
        }

        return waiting;
    }
}
