using Connectors.Kafka.Records;

namespace Connectors.Kafka.Ordering;

/// <summary>
/// What of one partition is done: everything below <see cref="Position"/>, the lowest unfinished offset. Offsets may have gaps (compaction, transactions), so
/// what is unfinished is remembered, each with the last of those that are done behind it: the size follows what is unfinished, however much is done beside an
/// event that stays so. Pure; one owner at a time.
/// <code>
/// read 5 7 8 9, done 8, 7    5 with 8 behind it, 9    Position 5, DoneAhead 2
/// done 5                     9                        Position 9, LastDone 8, DoneAhead 0
/// end 11, done 9             nothing                  Position 11, LastDone 9: 10 is a marker
/// </code>
/// </summary>
/// <param name="position">Where reading begins; -1 if only the first record will tell.</param>
/// <param name="lastDone">The last record below that, if it is known.</param>
internal sealed class OffsetLedger(long position, LastRecord? lastDone = null)
{
    private readonly LinkedList<Unfinished> _unfinished = new();
    private readonly Dictionary<long, LinkedListNode<Unfinished>> _byOffset = [];
    private long _last = position - 1;

    /// <summary>The lowest unfinished offset: it may be committed, for all below it is done. -1 while nothing is known.</summary>
    public long Position { get; private set; } = position;

    /// <summary>The last record below <see cref="Position"/>; null if it is not known.</summary>
    public LastRecord? LastDone { get; private set; } = lastDone;

    /// <summary>How many records above <see cref="Position"/> are done: they come again if reading begins there.</summary>
    public long DoneAhead { get; private set; }

    /// <summary>How many records are remembered.</summary>
    public int Count => _unfinished.Count;

    /// <summary>When the lowest unfinished event was read, as the clock's timestamp; null if all that was read is done.</summary>
    public long? OldestAt => _unfinished.First?.Value.At;

    /// <summary>Notes a record that was read, at that timestamp of the clock. False if it was read before: the client went back, and its event is here already.</summary>
    public bool Read(LastRecord record, long at)
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
        _byOffset[offset] = _unfinished.AddLast(new Unfinished(record, at));
        return true;
    }

    /// <summary>
    /// Notes that nothing is left to be read below an offset: behind the last record lie only such as no consumer sees, the markers that end transactions
    /// above all.
    /// </summary>
    public void End(long offset)
    {
        if (offset > _last)
        {
            _last = offset - 1;
            Position = _unfinished.Count == 0 ? Math.Max(Position, offset) : Position;
        }
    }

    /// <summary>Notes that an event is done, in whatever order.</summary>
    public void Done(long offset)
    {
        if (!_byOffset.Remove(offset, out var node))
        {
            return;
        }

        var (record, before) = (node.Value, node.Previous?.Value);
        var last = record.LastBehind ?? record.Record;
        if (before is null)
        {
            LastDone = last;
            Position = node.Next?.Value.Record.Offset ?? _last + 1;
            DoneAhead -= record.Behind;
        }
        else
        {
            before.LastBehind = last;
            before.Behind += record.Behind + 1;
            DoneAhead++;
        }

        _unfinished.Remove(node);
    }

    /// <summary>A record that is not done.</summary>
    private sealed class Unfinished(LastRecord record, long at)
    {
        public LastRecord Record => record;

        public long At => at;

        /// <summary>The last of the done records between this one and the next unfinished; null for none.</summary>
        public LastRecord? LastBehind { get; set; }

        /// <summary>How many those are.</summary>
        public long Behind { get; set; }
    }
}
