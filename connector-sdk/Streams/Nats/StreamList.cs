using Connectors.Streams.Records;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Nats;

/// <summary>
/// All streams, as one look found them. In a cluster some exist of which nobody tells: their servers are away, or do not answer, or have elected none of them. The
/// server lists such a stream as an empty one, or leaves it out, and names it.
/// </summary>
/// <param name="Streams">Those that were told of, by name.</param>
/// <param name="Missing">The names of the others.</param>
public sealed record StreamList(IReadOnlyDictionary<string, StreamInfo> Streams, IReadOnlySet<string> Missing)
{
    /// <summary>
    /// Every queue that has one of its streams, told of or not, by name: the first call of a queue may be a delayed one, which makes no stream of calls, and whoever
    /// deletes that stream leaves the others.
    /// </summary>
    public IEnumerable<string> Queues => Streams.Keys.Concat(Missing).Select(StreamNames.QueueOf).OfType<string>().Distinct().Order(StringComparer.Ordinal);

    /// <summary>Reads the list.</summary>
    public static async Task<StreamList> ReadAsync(NatsLink link, CancellationToken ct)
    {
        var (streams, missing) = (new Dictionary<string, StreamInfo>(), new HashSet<string>());

        // A server waits for seconds for those that do not answer, so no page is asked for that is not there.
        for (int offset = 0, total = 1; offset < total;)
        {
            ct.ThrowIfCancellationRequested();
            var page = await link.JetStream.JSRequestResponseAsync<StreamListRequest, StreamListResponse>(
                $"{link.JetStream.Opts.Prefix}.STREAM.LIST", new StreamListRequest { Offset = offset }, ct);
            var untold = page.Streams.Where(IsLeaderless).Select(stream => stream.Config.Name ?? "").Concat(page.Missing ?? []).ToHashSet();
            var told = page.Streams.Where(stream => !untold.Contains(stream.Config.Name ?? "")).ToList();
            foreach (var stream in told)
            {
                streams[stream.Config.Name ?? ""] = stream;
            }

            missing.UnionWith(untold);
            (offset, total) = told.Count + untold.Count > 0 ? (offset + told.Count + untold.Count, page.Total) : (0, 0);
        }

        // It may have moved from one page to the next.
        missing.ExceptWith(streams.Keys);
        return new StreamList(streams, missing);
    }

    /// <summary>How many messages a stream holds: none if there is no such stream; null if nobody tells.</summary>
    public long? MessagesOf(string stream) => Missing.Contains(stream) ? null : Streams.GetValueOrDefault(stream)?.State.Messages ?? 0;

    /// <summary>Of which streams that hold a queue's calls, callbacks and dead letters nobody tells.</summary>
    public IReadOnlyList<string> MissingOf(string queue) => [.. StreamNames.StreamsOf(queue).Where(Missing.Contains)];

    private static bool IsLeaderless(StreamInfo stream) => stream.Cluster is { } group && string.IsNullOrEmpty(group.Leader);
}
