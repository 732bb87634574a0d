using System.Collections.Concurrent;
using System.Globalization;
using Connectors.Streams.Records;

namespace Connectors.Gateway.History;

/// <summary>What can be searched for in the histories of all queues, within a bound.</summary>
internal sealed class CallIndex(HistoryOptions options)
{
    private readonly ConcurrentDictionary<string, QueueIndex> _queues = new();

    /// <summary>The queues that have a history.</summary>
    public IReadOnlyDictionary<string, QueueIndex> Queues => _queues;

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

    /// <summary>The newest lines that seem to match, in the order of their ends as far as their streams have it, and of which queue each is.</summary>
    public List<(string Queue, Found Line)> Find(Positions positions, IndexFilter filter, int max)
    {
        var heads = new List<(string Queue, List<Found> Lines, int Next)>();
        foreach (var (queue, below) in positions.Of)
        {
            if (_queues.TryGetValue(queue, out var index) && index.Find(below, filter, max) is { Count: > 0 } lines)
            {
                heads.Add((queue, lines, 0));
            }
        }

        var found = new List<(string, Found)>();
        while (heads.Count > 0 && found.Count < max)
        {
            var newest = 0;
            for (var i = 1; i < heads.Count; i++)
            {
                newest = heads[i].Lines[heads[i].Next].Ended > heads[newest].Lines[heads[newest].Next].Ended ? i : newest;
            }

            var (queue, lines, next) = heads[newest];
            found.Add((queue, lines[next]));
            if (next + 1 < lines.Count)
            {
                heads[newest] = (queue, lines, next + 1);
            }
            else
            {
                heads.RemoveAt(newest);
            }
        }

        return found;
    }
}

/// <summary>
/// How far a search is: in each queue the place before which it goes on, as <c>queue.message.line</c> with <c>~</c> in between. A queue's stream only grows at
/// its other end, so pages neither skip nor repeat, whatever ends meanwhile and whichever gateway is asked. A queue that is not named had no history when the
/// search began.
/// </summary>
internal sealed record Positions(IReadOnlyDictionary<string, Place> Of)
{
    /// <summary>Before the newest line of each of these queues.</summary>
    public static Positions Newest(IReadOnlyDictionary<string, QueueIndex> queues, string? only) => new(queues
        .Where(queue => only is null || queue.Key == only)
        .ToDictionary(queue => queue.Key, queue => new Place(queue.Value.LastSeq + 1, 0)));

    /// <summary>Reads positions; null for what are none.</summary>
    public static Positions? TryParse(string text)
    {
        var places = new Dictionary<string, Place>();
        foreach (var part in text.Split('~'))
        {
            if (part.Split('.') is not [var queue, var seq, var line]
                || !StreamNames.QueueName().IsMatch(queue)
                || !ulong.TryParse(seq, NumberStyles.None, CultureInfo.InvariantCulture, out var message)
                || !ushort.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                || !places.TryAdd(queue, new Place(message, number)))
            {
                return null;
            }
        }

        return new Positions(places);
    }

    /// <summary>The same, but behind this line in its queue.</summary>
    public Positions Behind(string queue, Place place) => new(new Dictionary<string, Place>(Of) { [queue] = place });

    public override string ToString() => string.Join('~', Of.OrderBy(at => at.Key, StringComparer.Ordinal).Select(at => string.Create(CultureInfo.InvariantCulture, $"{at.Key}.{at.Value.Seq}.{at.Value.Line}")));
}
