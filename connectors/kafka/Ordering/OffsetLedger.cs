namespace Connectors.Kafka.Ordering;

/// <summary>
/// What of one partition is done: everything below <see cref="Position"/>, the lowest unfinished offset. Offsets may have gaps (compaction, transactions), so
/// what was read is remembered rather than counted. Pure; one owner at a time.
/// </summary>
/// <param name="position">Where reading begins; -1 if only the first record will tell.</param>
internal sealed class OffsetLedger(long position)
{
    private readonly Queue<(long Offset, DateTimeOffset At)> _read = new();
    private readonly HashSet<long> _done = [];
    private long _last = position - 1;

    /// <summary>The lowest unfinished offset: it may be committed, for all below it is done. -1 while nothing is known.</summary>
    public long Position { get; private set; } = position;

    /// <summary>When the lowest unfinished event was read; null if all that was read is done.</summary>
    public DateTimeOffset? OldestAt => _read.TryPeek(out var oldest) ? oldest.At : null;

    /// <summary>Notes an offset that was read. False if it was read before: the client went back, and its event is here already.</summary>
    public bool Read(long offset, DateTimeOffset at)
    {
        if (offset <= _last)
        {
            return false;
        }

        if (Position < 0)
        {
            Position = offset;
        }

        _last = offset;
        _read.Enqueue((offset, at));
        return true;
    }

    /// <summary>Notes that an event is done, in whatever order.</summary>
    public void Done(long offset)
    {
        _done.Add(offset);
        while (_read.TryPeek(out var lowest) && _done.Remove(lowest.Offset))
        {
            _read.Dequeue();
            Position = _read.TryPeek(out var next) ? next.Offset : _last + 1;
        }
    }
}
