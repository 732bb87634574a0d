using System.Globalization;
using Connectors.QueueWorker.Settling;
using Connectors.Streams.Records;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Consuming;

/// <summary>What the streams' states and all workers of the queue say of it, as metrics.</summary>
internal sealed class QueueGauges(QueueWorkerOptions options, WaitingRetries retries, Reporting reporting, TimeProvider time)
{
    // For how long it is told of a function that it has no call.
    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(10);

    // When each function was last seen to have a call, as a timestamp.
    private readonly Dictionary<string, long> _functions = [];
    private readonly Dictionary<string, long> _aside = [];

    // Those that had calls aside at the last look. What lies aside is looked at beside the rest.
    private volatile HashSet<string> _lyingAside = [];

    public void Show(StreamInfo info)
    {
        Metrics.Submitted(options.Queue, info.State.LastSeq);
        Metrics.OldestPending(options.Queue, Oldest(info));
        var stored = Stored(info);
        retries.Keep(info.State.FirstSeq, info.State.LastSeq, stored);
        Metrics.WaitingRetries(options.Queue, retries.Count().Values.Sum());
        var inHand = reporting.InHand();
        foreach (var function in Known(_functions, stored.Keys, gone => Metrics.NonePending(options.Queue, gone)))
        {
            Metrics.Pending(options.Queue, function, inHand.Waiting(function, stored.GetValueOrDefault(function)));
        }

        var aside = _lyingAside;
        Metrics.ForgetUnused(options.Queue, function => stored.ContainsKey(function) || aside.Contains(function), time);
    }

    public void ShowAside(AsideCounts counts)
    {
        _lyingAside = counts.Delayed.Keys.Concat(counts.Held.Keys).ToHashSet();
        foreach (var function in Known(_aside, counts.Delayed.Keys.Concat(counts.Held.Keys), gone => Metrics.NoneAside(options.Queue, gone)))
        {
            Metrics.Aside(options.Queue, function, counts.Delayed.GetValueOrDefault(function), counts.Held.GetValueOrDefault(function));
        }
    }

    public void ShowCallbacks(StreamInfo info)
    {
        Metrics.WaitingCallbacks(options.Queue, info.State.Messages);
        Metrics.OldestCallback(options.Queue, Oldest(info));
    }

    /// <summary>The function of a subject, as labels name it. Whoever writes to a stream chooses subjects; labels are for functions.</summary>
    public static string LabelOf(string subject) => StreamNames.FunctionOf(subject) is { IsValid: true } function ? function.ToString() : "foreign";

    private List<string> Known(Dictionary<string, long> seen, IEnumerable<string> present, Action<string> forget)
    {
        foreach (var function in present)
        {
            seen[function] = time.GetTimestamp();
        }

        foreach (var (function, _) in seen.Where(last => time.GetElapsedTime(last.Value) > Remembered).ToList())
        {
            seen.Remove(function);
            forget(function);
        }

        return [.. seen.Keys];
    }

    private TimeSpan Oldest(StreamInfo info)
    {
        var isKnown = DateTimeOffset.TryParse(info.State.FirstTs, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var first);
        var age = time.GetUtcNow() - first;
        return info.State.Messages > 0 && isKnown && age > TimeSpan.Zero ? age : TimeSpan.Zero;
    }

    private static Dictionary<string, long> Stored(StreamInfo info)
    {
        var stored = new Dictionary<string, long>();
        foreach (var (subject, count) in info.State.Subjects ?? new Dictionary<string, long>())
        {
            var label = LabelOf(subject);
            stored[label] = stored.GetValueOrDefault(label) + count;
        }

        return stored;
    }
}
