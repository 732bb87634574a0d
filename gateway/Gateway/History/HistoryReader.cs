using System.Collections.Concurrent;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Gateway.History;

/// <summary>Reads what the index found: pages of ended calls, and one call's story.</summary>
internal sealed class HistoryReader(NatsLink link, CallIndex index, HistoryFollower follower, LiveCalls live)
{
    // A caller's id may be that of many calls.
    private const int MaxLines = 1000;

    // Streams that an answer names.
    private const int MaxNamed = 10;

    // This gateway, until it starts again.
    private readonly string _gateway = Guid.NewGuid().ToString("N")[..8];

    /// <summary>A page of ended calls, newest first.</summary>
    /// <param name="filter">Which of them.</param>
    /// <param name="after">Where the page before ended; null for the first.</param>
    /// <param name="limit">At most so many.</param>
    /// <param name="ct">Gives up.</param>
    public async Task<CallPage> ReadAsync(CallFilter filter, PageBegin? after, int limit, CancellationToken ct)
    {
        await follower.CaughtUpAsync(filter.Queue, isElsewhere: after is not null && after.Gateway != _gateway, ct);
        var last = after?.Line;
        var batches = new Batches(this);
        var items = new List<CallItem>();
        var wanted = filter.ToIndexFilter();
        while (true)
        {
            // One more than the page has room for tells whether there is another page.
            var room = limit - items.Count;
            var found = index.Find(filter.Queue, last, wanted, room + 1);
            var lines = found.Take(room).ToList();
            await batches.ReadAsync(lines, ct);
            foreach (var line in lines)
            {
                last = line;
                if (batches.Find(line) is { } call && filter.Matches(call))
                {
                    items.Add(CallItem.From(line.Queue, call));
                }
            }

            var hasMore = found.Count > room;
            if (!hasMore || items.Count == limit)
            {
                return new CallPage(items, hasMore && last is { } end ? new PageBegin(end, _gateway).ToString() : null, index.OldestAt?.UtcDateTime);
            }
        }
    }

    /// <summary>Every call of this id that can be found, the oldest first: ended, or on its way.</summary>
    public async Task<CallStories> FindAsync(string callId, string? queue, FunctionName? function, CancellationToken ct)
    {
        await follower.CaughtUpAsync(queue, isElsewhere: false, ct);
        var any = new IndexFilter { Call = Sketch.HashOf(callId), States = Sketch.CallStates | Sketch.CallbackState };
        var lines = index.Find(queue, behind: null, any, MaxLines);
        var batches = new Batches(this);
        await batches.ReadAsync(lines, ct);
        var ended = lines
            .Select(line => (line.Queue, Call: batches.Find(line)))
            .Where(line => line.Call?.CallId == callId && (function is null || line.Call.FunctionName == function))
            .Select(line => (line.Queue, Call: line.Call!))
            .Reverse()
            .ToList();
        var callbacks = ended
            .Where(line => line.Call.State == EndStates.Callback)
            .GroupBy(line => (line.Call.DeliveryId, line.Call.Redrive))
            .ToDictionary(lines => lines.Key, lines => lines.Last().Call);
        var stories = ended
            .Where(line => line.Call.State != EndStates.Callback)
            .Select(line => CallStory.From(line.Queue, line.Call, callbacks.GetValueOrDefault((line.Call.DeliveryId, line.Call.Redrive))))
            .ToList();
        var told = stories.Select(story => (story.DeliveryId, story.Redrive)).ToHashSet();
        var (waiting, unread) = await live.FindAsync(callId, queue, function, isKnown: stories.Count > 0, ct);
        stories.AddRange(waiting.Where(story => !told.Contains((story.DeliveryId, story.Redrive))));
        if (stories.Count == 0 && unread.Count > 0)
        {
            var more = unread.Count > MaxNamed ? $" and {unread.Count - MaxNamed} more" : "";
            throw new NatsException($"NATS tells nothing of {string.Join(", ", unread.Take(MaxNamed))}{more}, where the call may be");
        }

        return new CallStories(callId, await live.WithDueCallbacksAsync(stories, ct));
    }

    private async Task<IReadOnlyList<ReadOnlyMemory<byte>>> ReadAsync(string queue, ulong seq, CancellationToken ct)
    {
        if (await follower.StreamOfAsync(queue, ct) is not { } stream)
        {
            return [];
        }

        var message = await link.LookUpAsync(stream, new StreamMsgGetRequest { Seq = seq }, ct);
        if (message.Headers?.Code is > 0 and not 200)
        {
            // A server behind the stream's leader may not have it yet; the leader says whether it is gone.
            return Lines(await FromLeaderAsync(queue, seq, ct));
        }

        return Lines(message.Data ?? []);
    }

    private async Task<byte[]> FromLeaderAsync(string queue, ulong seq, CancellationToken ct)
    {
        try
        {
            var stream = await link.JetStream.GetStreamAsync(StreamNames.History(queue), cancellationToken: ct);
            return (await link.AskLeaderAsync(stream, new StreamMsgGetRequest { Seq = seq }, ct)).Data.ToArray();
        }
        catch (NatsJSApiException fault) when (fault.IsNotFound())
        {
            return [];
        }
    }

    private static List<ReadOnlyMemory<byte>> Lines(ReadOnlyMemory<byte> data)
    {
        var lines = new List<ReadOnlyMemory<byte>>();
        foreach (var range in data.Span.Split((byte)'\n'))
        {
            lines.Add(data[range]);
        }

        return lines;
    }

    /// <summary>The messages that one request reads, each once.</summary>
    private sealed class Batches(HistoryReader reader)
    {
        private const int AtOnce = 16;

        private readonly ConcurrentDictionary<(string Queue, ulong Seq), IReadOnlyList<ReadOnlyMemory<byte>>> _read = new();

        public Task ReadAsync(IEnumerable<IndexedLine> lines, CancellationToken ct) => Parallel.ForEachAsync(
            lines.Select(line => (line.Queue, line.Place.Seq)).Distinct().Where(batch => !_read.ContainsKey(batch)),
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct },
            async (batch, stop) => _read[batch] = await reader.ReadAsync(batch.Queue, batch.Seq, stop));

        /// <summary>Null for a line that is gone, or none of ours.</summary>
        public EndedCall? Find(IndexedLine line) =>
            _read.TryGetValue((line.Queue, line.Place.Seq), out var lines) && line.Place.Line < lines.Count ? EndedCall.TryDecode(lines[line.Place.Line].Span) : null;
    }
}

/// <summary>Which ended calls are meant; null means all.</summary>
internal sealed record CallFilter
{
    public FunctionName? Function { get; init; }

    public string? Queue { get; init; }

    public IReadOnlyList<string> States { get; init; } = EndStates.OfCalls;

    public DateTimeOffset? Since { get; init; }

    public DateTimeOffset? Until { get; init; }

    public string? Tag { get; init; }

    public IndexFilter ToIndexFilter() => new()
    {
        States = States.Sum(Sketch.BitOf),
        Function = Function is { } function ? Sketch.HashOf(function) : null,
        Tag = Tag is null ? null : Sketch.HashOf(Tag),
        Since = Since?.ToUnixTimeMilliseconds() ?? long.MinValue,
        Until = Until?.ToUnixTimeMilliseconds() ?? long.MaxValue,
    };

    /// <summary>What the index took for a match may be another word of the same hash.</summary>
    public bool Matches(EndedCall call) => (Function is null || call.FunctionName == Function) && (Tag is null || call.Tags?.Contains(Tag) == true);
}
