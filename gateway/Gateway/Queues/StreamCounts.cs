using System.Globalization;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Gateway.Queues;

/// <summary>What a queue's stream tells of itself, by function and by age.</summary>
internal static class StreamCounts
{
    /// <summary>A stream with the counts of its subjects; null if there is none.</summary>
    /// <param name="link">The connection to the streams.</param>
    /// <param name="stream">The stream's name.</param>
    /// <param name="filter">Which subjects, with the broker's wildcards.</param>
    /// <param name="ct">Gives up.</param>
    public static Task<StreamState?> FindCountsAsync(this NatsLink link, string stream, string filter, CancellationToken ct) =>
        link.FindCountsAsync(stream, filter, _ => false, ct);

    /// <summary>The same, in the order of the subjects' names as far as somebody needs them.</summary>
    /// <param name="link">The connection to the streams.</param>
    /// <param name="stream">The stream's name.</param>
    /// <param name="filter">Which subjects, with the broker's wildcards.</param>
    /// <param name="isPast">Whether nothing behind this subject is needed; some of it may come all the same.</param>
    /// <param name="ct">Gives up.</param>
    public static async Task<StreamState?> FindCountsAsync(this NatsLink link, string stream, string filter, Func<string, bool> isPast, CancellationToken ct)
    {
        try
        {
            return (await link.WithSubjectsAsync(stream, filter, isPast, ct)).State;
        }
        catch (NatsJSApiException fault) when (fault.IsNotFound())
        {
            return null;
        }
    }

    /// <summary>How many messages there are of each subject; nothing where there is no stream, or its subjects were not counted.</summary>
    public static IEnumerable<KeyValuePair<string, long>> BySubject(this StreamState? stream) => stream?.Subjects ?? new Dictionary<string, long>();

    /// <summary>Counts of subjects, added up by their functions.</summary>
    public static Dictionary<string, long> ByFunction(this IEnumerable<KeyValuePair<string, long>> subjects)
    {
        var counts = new Dictionary<string, long>();
        foreach (var (subject, messages) in subjects)
        {
            var function = FunctionOf(subject);
            counts[function] = counts.GetValueOrDefault(function) + messages;
        }

        return counts;
    }

    /// <summary>The function that a subject names, as <c>name.namespace</c>; of one that is none of ours the subject itself.</summary>
    public static string FunctionOf(string subject) => StreamNames.FunctionOf(subject)?.ToString() ?? subject;

    /// <summary>When the message was stored that lies there longest; null if there is none.</summary>
    public static DateTime? OldestAt(this StreamState stream) =>
        stream.Messages > 0 && DateTimeOffset.TryParse(stream.FirstTs, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var first) ? first.UtcDateTime : null;
}
