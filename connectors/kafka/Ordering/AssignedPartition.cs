using Confluent.Kafka;
using Connectors.Kafka.Records;
using Connectors.Sdk.Events;

namespace Connectors.Kafka.Ordering;

/// <summary>
/// One partition, from the moment it is ours until it is let go; given anew, it is another object. Its records stand in lanes, and of one lane one is out
/// at a time. All that changes is guarded by <see cref="Backlog"/>.
/// <code>
/// _lanes  a: a2, a3     a1 is out, backs off or is ready; a2 is ready only once a1 is done
///         b: none       b1 is out, and nothing waits behind it
/// _ready  c1            may start at once; its lane c is busy from now on, so c2 would wait in _lanes
/// </code>
/// </summary>
/// <param name="name">Topic and partition.</param>
/// <param name="position">Where reading begins; -1 if only the first record will tell.</param>
/// <param name="committed">The offset that the group has committed; -1 for none.</param>
/// <param name="noted">The record that was noted with it; null for none.</param>
internal sealed class AssignedPartition(TopicPartition name, long position, long committed, LastRecord? noted = null) : IDisposable
{
    private readonly CancellationTokenSource _withdrawal = new();
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Queue<InFlight> _ready = new();
    private readonly Lanes<InFlight> _lanes = new();
    private long _runningBytes;

    public TopicPartition Name => name;

    /// <summary>Cancelled once the partition is no longer ours.</summary>
    public CancellationToken Withdrawn => _withdrawal.Token;

    /// <summary>Completes when the partition is closed and none of its events runs.</summary>
    public Task Idle => _idle.Task;

    /// <summary>
    /// The record that the committed offset was noted with, until the first one read proves that it is still there or cannot be any more. Of the poll
    /// thread.
    /// </summary>
    public LastRecord? Expected { get; set; }

    /// <summary>What is read next. Of the poll thread.</summary>
    public Offset Next { get; set; }

    /// <summary>What was there of the topic when the group first looked, as it is noted with each commit; null if nothing is known of that.</summary>
    public TopicLook? Look { get; init; }

    public OffsetLedger Ledger { get; } = new(position, noted);

    public long Committed { get; set; } = committed;

    /// <summary>When it was committed last, as the clock's timestamp; null if not since the partition is ours.</summary>
    public long? CommittedAt { get; set; }

    /// <summary>Whether its events may start.</summary>
    public bool IsOpen { get; private set; } = true;

    /// <summary>Whether no more is fetched, for enough is held. Written by the poll thread alone.</summary>
    public bool IsPaused { get; set; }

    /// <summary>Events in memory: waiting, running, backing off.</summary>
    public int Held { get; private set; }

    public long HeldBytes { get; private set; }

    public int Running { get; private set; }

    /// <summary>Whether an event may start at once.</summary>
    public bool HasReady => _ready.Count > 0;

    /// <summary>Lines an event up behind those of its lane.</summary>
    public void Enter(InFlight record)
    {
        Held++;
        HeldBytes += record.Bytes;
        if (_lanes.Enter(record.Lane, record))
        {
            _ready.Enqueue(record);
        }
    }

    /// <summary>Takes the next event out.</summary>
    public InFlight Start()
    {
        var record = _ready.Dequeue();
        Running++;
        _runningBytes += record.Bytes;
        return record;
    }

    /// <summary>An event is out no more, and its lane goes on waiting for it.</summary>
    public void Rest(InFlight record)
    {
        Running--;
        _runningBytes -= record.Bytes;
    }

    /// <summary>An event that rested may start again.</summary>
    public void Return(InFlight record) => _ready.Enqueue(record);

    /// <summary>An event is out no more, and never will be.</summary>
    public void Leave(InFlight record)
    {
        Rest(record);
        Held--;
        HeldBytes -= record.Bytes;
        TellIdle();
    }

    /// <summary>The lane of an event that is done goes on. True if another may start now.</summary>
    public bool Advance(string? lane)
    {
        if (!IsOpen || !_lanes.Leave(lane, out var next))
        {
            return false;
        }

        _ready.Enqueue(next);
        return true;
    }

    /// <summary>Starts nothing more, and forgets all that is not out.</summary>
    public void Close()
    {
        IsOpen = false;
        _ready.Clear();
        _lanes.Clear();
        Held = Running;
        HeldBytes = _runningBytes;
        TellIdle();
    }

    /// <summary>Gives up what still runs.</summary>
    public void Withdraw() => _withdrawal.Cancel();

    public void Dispose() => _withdrawal.Dispose();

    private void TellIdle()
    {
        if (!IsOpen && Running == 0)
        {
            _idle.TrySetResult();
        }
    }
}
