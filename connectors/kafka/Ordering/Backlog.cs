namespace Connectors.Kafka.Ordering;

/// <summary>
/// The events that were read and are not done. What may start is taken from the partition that runs least, so that none starves another; an event that
/// backs off holds its lane, and nothing else.
/// </summary>
internal sealed class Backlog(KafkaOptions options, TimeProvider time)
{
    // Guards all below and every partition's state. Held for a few instructions only, by the poll thread, the pump and those that settle.
    private readonly Lock _gate = new();
    private readonly List<AssignedPartition> _partitions = [];
    private readonly BackingOff _backingOff = new(time);
    private readonly HashSet<AssignedPartition> _resumable = [];
    private TaskCompletionSource? _waiting;
    private int _turn;

    /// <summary>Takes a partition in.</summary>
    public void Open(AssignedPartition partition)
    {
        lock (_gate)
        {
            _partitions.Add(partition);
        }
    }

    /// <summary>Adds an event that was read. True if its partition has enough now and is to be paused.</summary>
    public bool Add(KafkaReceived received)
    {
        lock (_gate)
        {
            var partition = received.Partition;
            if (!partition.IsOpen || !partition.Ledger.Read(received.Offset, time.GetUtcNow()))
            {
                return false;
            }

            partition.Enter(received);
            Signal();
            return !partition.IsPaused && (partition.IsPaused = IsFull(partition));
        }
    }

    /// <summary>The next event that may start, as soon as there is one. It is out until it is settled by one of the three methods below.</summary>
    public async Task<KafkaReceived> NextAsync(CancellationToken ct)
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

                _waiting ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                changed = _waiting.Task;
                wait = _backingOff.UntilDue;
            }

            await WaitAsync(changed, wait, ct);
        }
    }

    /// <summary>The event is done. False if that came too late, its partition being let go already: another consumer will get it again.</summary>
    public bool Done(KafkaReceived received)
    {
        lock (_gate)
        {
            var partition = received.Partition;
            partition.Ledger.Done(received.Offset);
            partition.Leave(received);
            NoteRoom(partition);
            if (partition.Advance(received.Lane))
            {
                Signal();
            }

            return _partitions.Contains(partition);
        }
    }

    /// <summary>The event is to run again after a while; its lane waits.</summary>
    public void Again(KafkaReceived received, TimeSpan after)
    {
        lock (_gate)
        {
            if (!received.Partition.IsOpen)
            {
                received.Partition.Leave(received);
                return;
            }

            received.Partition.Rest();
            _backingOff.Add(received, after);
            Signal();
        }
    }

    /// <summary>The event was given up without a verdict; it stays unfinished, and its lane with it.</summary>
    public void Abandon(KafkaReceived received)
    {
        lock (_gate)
        {
            received.Partition.Leave(received);
        }
    }

    /// <summary>Starts no more events of a partition. Those out may still be settled.</summary>
    public void Close(AssignedPartition partition)
    {
        lock (_gate)
        {
            partition.Close();
        }
    }

    /// <summary>Lets a closed partition go.</summary>
    public void Remove(AssignedPartition partition)
    {
        lock (_gate)
        {
            _partitions.Remove(partition);
            _resumable.Remove(partition);
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

    /// <summary>How each partition stands.</summary>
    public IReadOnlyList<PartitionState> States()
    {
        lock (_gate)
        {
            return [.. _partitions.Select(p => new PartitionState(p, p.Ledger.Position, p.Committed, p.Held, p.IsPaused, p.Ledger.OldestAt))];
        }
    }

    /// <summary>Notes what the group has committed.</summary>
    public void Committed(AssignedPartition partition, long position)
    {
        lock (_gate)
        {
            partition.Committed = position;
        }
    }

    private KafkaReceived? TryTake()
    {
        while (_backingOff.TakeDue() is { } due)
        {
            due.Partition.Return(due);
        }

        AssignedPartition? least = null;
        for (var i = 0; i < _partitions.Count; i++)
        {
            var partition = _partitions[(_turn + i) % _partitions.Count];
            if (partition.HasReady && partition.Running < (least?.Running ?? int.MaxValue))
            {
                least = partition;
            }
        }

        _turn = (_turn + 1) % Math.Max(1, _partitions.Count);
        return least?.Start();
    }

    private bool IsFull(AssignedPartition partition) => partition.Held >= options.PartitionBuffer || partition.HeldBytes >= options.PartitionBufferBytes;

    // Half of the room, so that a partition is not paused and resumed for every event.
    private void NoteRoom(AssignedPartition partition)
    {
        if (partition.IsPaused && partition.IsOpen && partition.Held <= options.PartitionBuffer / 2 && partition.HeldBytes <= options.PartitionBufferBytes / 2)
        {
            _resumable.Add(partition);
        }
    }

    private async Task WaitAsync(Task changed, TimeSpan wait, CancellationToken ct)
    {
        try
        {
            await changed.WaitAsync(wait, time, ct);
        }
        catch (TimeoutException)
        {
            // A back-off is over.
        }
    }

    private void Signal()
    {
        _waiting?.SetResult();
        _waiting = null;
    }
}
