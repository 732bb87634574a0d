using Connectors.Sdk.Hosting;

namespace Connectors.Kafka.Ordering;

/// <summary>
/// The records in flight of all partitions, between one thread that reads and many that settle.
/// <para>
/// Each is in one place: waiting in its lane, ready, out (from <see cref="NextAsync"/> until it is settled), or backing off. What holds between two calls:
/// of a lane at most one record is ready, out or backing off, and it is the lowest that is not done, so that order survives retries; a partition that is
/// closed has none but those out. The next to start is taken from the partition with the fewest out, in turn where several have as few, so that a
/// partition of slow events gets as many slots as its share and not all that become free.
/// </para>
/// <para>
/// A partition that has read enough is paused: by its own records, or by the bytes of all. The latter pauses none that holds less than its part, or nothing: so
/// what others hold, and may hold for hours, lets none stand still.
/// </para>
/// <code>
/// concurrency=key, p0 has read a1 a2 b1, p1 has read c1; nothing is out
/// NextAsync → a1 (p0)    NextAsync → c1 (p1 has fewer out)    NextAsync → b1 (a2 waits for a1)
/// Nak(a1, 5s)            a1 backs off, a2 still waits; NextAsync waits for 5 s at most
/// Done(b1), Done(c1)     p0's position stays at a1, p1's goes past c1
/// </code>
/// </summary>
internal sealed class Backlog(OrderingOptions options, TimeProvider time)
{
    /// <summary>How many bytes are held of all partitions before those that hold their part are paused.</summary>
    public const long MaxHeldBytes = 64 << 20;

    /// <summary>How many bytes beside those all partitions have together, each the same part.</summary>
    public const long MaxOfParts = MaxHeldBytes / 4;

    // Guards all below and every partition's state. Held for a few instructions only, by the poll thread, the pump and those that settle.
    private readonly Lock _gate = new();
    private readonly List<AssignedPartition> _partitions = [];
    private readonly BackingOff _backingOff = new(time);
    private readonly HashSet<AssignedPartition> _resumable = [];
    private readonly Signal _changed = new();
    private long _heldBytes;
    private int _turn;

    /// <summary>What metrics tell of the topics.</summary>
    public TopicSeries Topics { get; } = new(time);

    /// <summary>Bytes of all events in memory; those that are out of a partition that was let go are among them until they are settled.</summary>
    public long HeldBytes
    {
        get
        {
            lock (_gate)
            {
                return _heldBytes;
            }
        }
    }

    /// <summary>Takes a partition in.</summary>
    public void Open(AssignedPartition partition)
    {
        lock (_gate)
        {
            _partitions.Add(partition);
        }
    }

    /// <summary>Adds an event that was read. True if its partition has enough now and is to be paused.</summary>
    public bool Add(InFlight record)
    {
        lock (_gate)
        {
            var partition = record.Partition;
            if (!partition.IsOpen || !partition.Ledger.Read(record.Identity, time.GetTimestamp()))
            {
                return false;
            }

            partition.Enter(record);
            _heldBytes += record.Bytes;
            _changed.Set();
            return !partition.IsPaused && (partition.IsPaused = IsFull(partition));
        }
    }

    /// <summary>Notes that a partition has been read up to its end, which is this offset.</summary>
    public void End(AssignedPartition partition, long offset)
    {
        lock (_gate)
        {
            partition.Ledger.End(offset);
        }
    }

    /// <summary>The next event that may start, as soon as there is one. It is out until it is settled by one of the two methods below.</summary>
    public async Task<InFlight> NextAsync(CancellationToken ct)
    {
        while (true)
        {
            Task changed;
            TimeSpan wait;
            lock (_gate)
            {
                if (TryTake() is { } next)
                {
                    return next;
                }

                changed = _changed.Next;
                wait = _backingOff.UntilDue;
            }

            await Signal.CameAsync(changed, wait, time, ct);
        }
    }

    /// <summary>The event is done. False if that came too late, its partition being let go already: another consumer will get it again.</summary>
    public bool Done(InFlight record)
    {
        lock (_gate)
        {
            var partition = record.Partition;
            partition.Ledger.Done(record.Offset);
            Leave(record);
            if (partition.Advance(record.Lane))
            {
                _changed.Set();
            }

            return _partitions.Contains(partition);
        }
    }

    /// <summary>The event is given back, to run again after a delay; its lane waits.</summary>
    public void Nak(InFlight record, TimeSpan after)
    {
        lock (_gate)
        {
            if (!record.Partition.IsOpen)
            {
                Leave(record);
                return;
            }

            record.Partition.Rest(record);
            _backingOff.Add(record, after);
            _changed.Set();
        }
    }

    /// <summary>Starts no more events of a partition. Those out may still be settled.</summary>
    public void Close(AssignedPartition partition)
    {
        lock (_gate)
        {
            CloseHeld(partition);
        }
    }

    /// <summary>Lets a closed partition go.</summary>
    public void Remove(AssignedPartition partition)
    {
        lock (_gate)
        {
            _partitions.Remove(partition);
            _resumable.Remove(partition);

            // The others' parts are larger now.
            _partitions.ForEach(NoteRoom);
        }
    }

    /// <summary>Lets all partitions go at once, of a client that does not end. They are to be withdrawn.</summary>
    public IReadOnlyList<AssignedPartition> Clear()
    {
        lock (_gate)
        {
            List<AssignedPartition> left = [.. _partitions];
            left.ForEach(CloseHeld);
            _partitions.Clear();
            _resumable.Clear();
            return left;
        }
    }

    /// <summary>The partitions that were paused and have room again. They count as resumed.</summary>
    public IReadOnlyList<AssignedPartition> TakeResumable()
    {
        lock (_gate)
        {
            if (_resumable.Count == 0)
            {
                return [];
            }

            List<AssignedPartition> resumed = [.. _resumable.Where(p => p.IsOpen)];
            _resumable.Clear();
            resumed.ForEach(p => p.IsPaused = false);
            return resumed;
        }
    }

    /// <summary>A partition goes on being read though it has no room: its next record pauses it again.</summary>
    public void Unpaused(AssignedPartition partition)
    {
        lock (_gate)
        {
            partition.IsPaused = false;
            _resumable.Remove(partition);
        }
    }

    /// <summary>How each partition stands.</summary>
    public IReadOnlyList<PartitionState> States()
    {
        lock (_gate)
        {
            return [.. _partitions.Select(p => new PartitionState(
                p, p.Ledger.Position, p.Committed, p.CommittedAt, p.Ledger.LastDone, p.Ledger.DoneAhead, p.Held, p.IsPaused, p.Ledger.OldestAt))];
        }
    }

    /// <summary>Notes what the group has committed.</summary>
    public void Committed(AssignedPartition partition, long position)
    {
        lock (_gate)
        {
            (partition.Committed, partition.CommittedAt) = (position, time.GetTimestamp());
        }
    }

    private InFlight? TryTake()
    {
        while (_backingOff.TakeDue() is { } due)
        {
            due.Partition.Return(due);
        }

        AssignedPartition? fewest = null;
        for (var i = 0; i < _partitions.Count; i++)
        {
            var partition = _partitions[(_turn + i) % _partitions.Count];
            if (partition.HasReady && partition.Running < (fewest?.Running ?? int.MaxValue))
            {
                fewest = partition;
            }
        }

        _turn = (_turn + 1) % Math.Max(1, _partitions.Count);
        return fewest?.Start();
    }

    private void Leave(InFlight record)
    {
        record.Partition.Leave(record);
        Free(record.Bytes);
        NoteRoom(record.Partition);
    }

    // What is out stays, and leaves when it is settled.
    private void CloseHeld(AssignedPartition partition)
    {
        var held = partition.HeldBytes;
        partition.Close();
        _backingOff.Forget(partition);
        Free(held - partition.HeldBytes);
    }

    // Once, when half is free, there is room for those that were paused because of others.
    private void Free(long bytes)
    {
        var wasTight = IsTight;
        _heldBytes -= bytes;
        if (wasTight && !IsTight)
        {
            _partitions.ForEach(NoteRoom);
        }
    }

    private bool IsTight => _heldBytes > MaxHeldBytes / 2;

    // What a partition may hold whatever the others do, and may do so for hours.
    private long Part => MaxOfParts / Math.Max(1, _partitions.Count);

    // Of a partition that has just read one.
    private bool IsFull(AssignedPartition partition) =>
        partition.Held >= options.PartitionBuffer || partition.HeldBytes >= options.PartitionBufferBytes || (_heldBytes >= MaxHeldBytes && partition.HeldBytes >= Part);

    // Half of the room, so that a partition is not paused and resumed for every event.
    private void NoteRoom(AssignedPartition partition)
    {
        if (partition.IsPaused && partition.IsOpen && partition.Held <= options.PartitionBuffer / 2 && partition.HeldBytes <= options.PartitionBufferBytes / 2
            && (!IsTight || partition.HeldBytes <= Part / 2))
        {
            _resumable.Add(partition);
        }
    }
}
