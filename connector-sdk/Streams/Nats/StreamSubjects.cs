using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Nats;

/// <summary>What a stream holds, by subject.</summary>
public static class StreamSubjects
{
    // A server tells of no more in one answer, in the order of their names.
    private const int MaxInAnswer = 100_000;

    /// <summary>A stream with the counts of all its subjects, however many.</summary>
    /// <param name="streams">The connection to the streams.</param>
    /// <param name="stream">The stream's name.</param>
    /// <param name="filter">Which subjects, with the broker's wildcards.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="NatsJSApiException">There is no such stream (404), or the server does not tell.</exception>
    public static Task<StreamInfo> WithSubjectsAsync(this INatsJSContext streams, string stream, string filter, CancellationToken ct) =>
        streams.WithSubjectsAsync(stream, filter, _ => false, ct);

    /// <summary>A stream with the counts of its subjects, in the order of their names as far as somebody needs them.</summary>
    /// <param name="streams">The connection to the streams.</param>
    /// <param name="stream">The stream's name.</param>
    /// <param name="filter">Which subjects, with the broker's wildcards.</param>
    /// <param name="isPast">Whether nothing behind this subject is needed; some of it may come all the same.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="NatsJSApiException">There is no such stream (404), or the server does not tell.</exception>
    public static async Task<StreamInfo> WithSubjectsAsync(this INatsJSContext streams, string stream, string filter, Func<string, bool> isPast, CancellationToken ct)
    {
        var info = (await streams.GetStreamAsync(stream, new StreamInfoRequest { SubjectsFilter = filter }, ct)).Info;
        if (info.State.Subjects is not { Count: >= MaxInAnswer } subjects || subjects.Keys.Any(isPast))
        {
            return info;
        }

        // Until an answer is not full, or tells nothing new: it may be of a server that knows no offset.
        for (int offset = subjects.Count, known = 0, last = subjects.Count; last >= MaxInAnswer && subjects.Count > known; offset += last)
        {
            known = subjects.Count;
            var page = (await streams.GetStreamAsync(stream, new StreamInfoRequest { SubjectsFilter = filter, Offset = offset }, ct)).Info.State.Subjects;
            foreach (var (subject, count) in page ?? new Dictionary<string, long>())
            {
                subjects[subject] = count;
            }

            last = page is null || page.Keys.Any(isPast) ? 0 : page.Count;
        }

        return info;
    }
}
