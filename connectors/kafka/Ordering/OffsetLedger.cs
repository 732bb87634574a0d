using Connectors.Kafka.Records;

namespace Connectors.Kafka.Ordering;

/// <summary>
/// What of one partition is done: everything below <see cref="Position"/>, the lowest unfinished offset. Offsets may have gaps (compaction, transactions), so
/// what was read is remembered rather than counted. Pure; one owner at a time.
/// </summary>
/// <param name="position">Where reading begins; -1 if only the first record will tell.</param>
internal sealed class OffsetLedger(long position)
{
    private readonly Queue<(LastRecord Record, DateTimeOffset At)> _read = new();
    private readonly HashSet<long> _done = [];
    private long _last = position - 1;

    /// <summary>The lowest unfinished offset: it may be committed, for all below it is done. -1 while nothing is known.</summary>
    public long Position { get; private set; } = position;

    /// <summary>The last record below <see cref="Position"/>; null if none was read.</summary>
    public LastRecord? LastDone { get; private set; }

    /// <summary>When the lowest unfinished event was read; null if all that was read is done.</summary>
    public DateTimeOffset? OldestAt => _read.TryPeek(out var oldest) ? oldest.At : null;

    /// <summary>Notes a record that was read. False if it was read before: the client went back, and its event is here already.</summary>
    public bool Read(LastRecord record, DateTimeOffset at)
    {
        var offset = record.Offset;
        if (offset <= _last)
        {
            return false;
        }

        if (Position < 0)
        {
            Position = offset;
        }

        _last = offset;
        _read.Enqueue((record, at));
        return true;
    }

    /// <summary>Notes that an event is done, in whatever order.</summary>
    public void Done(long offset)
    {
        _done.Add(offset);
        while (_read.TryPeek(out var lowest) && _done.Remove(lowest.Record.Offset))
        {
            _read.Dequeue();
            LastDone = lowest.Record;
            Position = _read.TryPeek(out var next) ? next.Record.Offset : _last + 1;
        }
    }
}
