using System.Collections.Concurrent;
using System.Globalization;
using Connectors.Streams.Records;

namespace Connectors.Gateway.History;

/// <summary>What can be searched for in the histories of all queues, within a bound.</summary>
internal sealed class CallIndex(HistoryOptions options)
{
    private readonly ConcurrentDictionary<string, QueueIndex> _queues = new();

    /// <summary>When the oldest call that can be found ended; null if there is none.</summary>
    public DateTimeOffset? OldestAt => _queues.Values.Min(queue => queue.OldestAt);

    /// <summary>Begins a queue's index, anew if there is one.</summary>
    public QueueIndex Begin(string queue) => _queues[queue] = new QueueIndex();

    /// <summary>Forgets a queue.</summary>
    public void End(string queue) => _queues.TryRemove(queue, out _);

    /// <summary>Forgets what is oldest until no more is held than allowed.</summary>
    public void Trim()
    {
        while (_queues.Values.Sum(queue => (long)queue.Count) > options.MaxIndexed)
        {
            _queues.Values.MinBy(queue => queue.OldestAt ?? DateTimeOffset.MaxValue)!.DropOldest();
        }
    }

    /// <summary>The newest lines that seem to match, the latest end first.</summary>
    /// <param name="only">The one queue that is searched; null for all.</param>
    /// <param name="behind">Only those that come behind this line; null for all.</param>
    /// <param name="filter">What is looked for.</param>
    /// <param name="max">At most so many.</param>
    public IReadOnlyList<IndexedLine> Find(string? only, IndexedLine? behind, IndexFilter filter, int max)
    {
        var newest = new NewestLines(behind, max);
        foreach (var (queue, index) in _queues.Where(one => only is null || one.Key == only))
        {
            index.Find(queue, filter, newest);
        }

        return newest.Take();
    }
}

/// <summary>
/// A line, and by that its place among those of all queues: they are in the order of their calls' ends, and where these are the same, in that of their queues and
/// places. It never changes, and is the same at every gateway: pages neither skip nor repeat, whatever ends meanwhile.
/// </summary>
/// <param name="Queue">Whose history it is in.</param>
/// <param name="Place">Where it stands there.</param>
/// <param name="Ended">Unix milliseconds.</param>
internal readonly record struct IndexedLine(string Queue, Place Place, long Ended)
{
    /// <summary>More than zero if the first comes before the second in a page: it is newer.</summary>
    public static int Compare(IndexedLine first, IndexedLine second) =>
        first.Ended != second.Ended ? first.Ended.CompareTo(second.Ended)
        : string.CompareOrdinal(first.Queue, second.Queue) is not 0 and var queues ? queues
        : first.Place > second.Place ? 1
        : first.Place < second.Place ? -1
        : 0;
}

/// <summary>Gathers the newest of many lines.</summary>
/// <param name="behind">Only those that come behind this one; null for all.</param>
/// <param name="max">At most so many.</param>
internal sealed class NewestLines(IndexedLine? behind, int max)
{
    private static readonly Comparer<IndexedLine> Order = Comparer<IndexedLine>.Create(IndexedLine.Compare);

    // The oldest of them first.
    private readonly PriorityQueue<IndexedLine, IndexedLine> _lines = new(Order);

    /// <summary>Whether a line whose call ended then may come behind where these begin.</summary>
    public bool IsBehind(long ended) => behind is not { } last || ended <= last.Ended;

    /// <summary>Whether a line whose call ended then may be among them still.</summary>
    public bool HasRoom(long ended) => _lines.Count < max || ended >= _lines.Peek().Ended;

    /// <summary>Takes a line, unless it comes too early or too late.</summary>
    public void Add(IndexedLine line)
    {
        if (behind is { } last && IndexedLine.Compare(line, last) >= 0)
        {
            return;
        }

        if (_lines.Count < max)
        {
            _lines.Enqueue(line, line);
        }
        else
        {
            _lines.EnqueueDequeue(line, line);
        }
    }

    /// <summary>All of them, the newest first; none is left.</summary>
    public IReadOnlyList<IndexedLine> Take()
    {
        var lines = new IndexedLine[_lines.Count];
        for (var i = lines.Length - 1; i >= 0; i--)
        {
            lines[i] = _lines.Dequeue();
        }

        return lines;
    }
}

/// <summary>Behind which line a page begins, as <c>ended.queue.message.line.gateway</c>.</summary>
/// <param name="Line">The last line of the page before.</param>
/// <param name="Gateway">Which gateway gave that page. What it had in its index, another one may not have read yet.</param>
internal sealed record PageBegin(IndexedLine Line, string Gateway)
{
    /// <summary>Reads what <see cref="ToString"/> wrote; null for what is none.</summary>
    public static PageBegin? TryParse(string text) =>
        text.Split('.') is [var ended, var queue, var message, var line, var gateway]
        && long.TryParse(ended, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var at)
        && StreamNames.QueueName().IsMatch(queue)
        && ulong.TryParse(message, NumberStyles.None, CultureInfo.InvariantCulture, out var seq)
        && ushort.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? new PageBegin(new IndexedLine(queue, new Place(seq, number), at), gateway)
            : null;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Line.Ended}.{Line.Queue}.{Line.Place.Seq}.{Line.Place.Line}.{Gateway}");
}
