using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Nats;

/// <summary>What a stream holds, by subject.</summary>
public static class StreamSubjects
{
    // A server tells of no more in one answer, in the order of their names.
    private const int MaxInAnswer = 100_000;

    // Of such an answer, by names of some eighty characters.
    private const long MaxAnswer = 8 * 1024 * 1024;

    /// <summary>A stream with the counts of all its subjects, however many.</summary>
    /// <param name="link">The connection to the streams.</param>
    /// <param name="stream">The stream's name.</param>
    /// <param name="filter">Which subjects, with the broker's wildcards.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="NatsJSApiException">There is no such stream (404), or the server does not tell.</exception>
    public static Task<StreamInfo> WithSubjectsAsync(this NatsLink link, string stream, string filter, CancellationToken ct) =>
        link.WithSubjectsAsync(stream, filter, _ => false, ct);

    /// <summary>A stream with the counts of its subjects, in the order of their names as far as somebody needs them.</summary>
    /// <param name="link">The connection to the streams.</param>
    /// <param name="stream">The stream's name.</param>
    /// <param name="filter">Which subjects, with the broker's wildcards.</param>
    /// <param name="isPast">Whether nothing behind this subject is needed; some of it may come all the same.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="NatsJSApiException">There is no such stream (404), or the server does not tell.</exception>
    public static Task<StreamInfo> WithSubjectsAsync(this NatsLink link, string stream, string filter, Func<string, bool> isPast, CancellationToken ct) =>
        AllAsync(offset => link.PageOfSubjectsAsync(stream, filter, offset, ct), isPast);

    /// <summary>A stream with the counts of those of its subjects that one answer tells of. It waits for room of <see cref="NatsLink.Batches"/>.</summary>
    /// <param name="link">The connection to the streams.</param>
    /// <param name="stream">The stream's name.</param>
    /// <param name="filter">Which subjects, with the broker's wildcards.</param>
    /// <param name="offset">How many of them to leave out, in the order of their names.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="NatsJSApiException">There is no such stream (404), or the server does not tell.</exception>
    public static async Task<StreamInfo> PageOfSubjectsAsync(this NatsLink link, string stream, string filter, int offset, CancellationToken ct)
    {
        var request = new StreamInfoRequest { SubjectsFilter = filter, Offset = offset };
        return (await link.Batches.UseAsync(MaxAnswer, () => link.JetStream.GetStreamAsync(stream, request, ct).AsTask(), ct)).Info;
    }

    /// <summary>What some answers tell of, each asked for with the offset at which it begins: all, or as far as something is past what is needed.</summary>
    public static async Task<StreamInfo> AllAsync(Func<int, Task<StreamInfo>> page, Func<string, bool> isPast)
    {
        var info = await page(0);
        if (info.State.Subjects is not { Count: >= MaxInAnswer } subjects || subjects.Keys.Any(isPast))
        {
            return info;
        }

        // Until an answer is not full, or tells nothing new: it may be of a server that knows no offset.
        for (int offset = subjects.Count, known = 0, last = subjects.Count; last >= MaxInAnswer && subjects.Count > known; offset += last)
        {
            known = subjects.Count;
            var next = (await page(offset)).State.Subjects ?? new Dictionary<string, long>();
            foreach (var (subject, count) in next)
            {
                subjects[subject] = count;
            }

            last = next.Keys.Any(isPast) ? 0 : next.Count;
        }

        return info;
    }
}
