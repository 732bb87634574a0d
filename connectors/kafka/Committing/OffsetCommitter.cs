using Confluent.Kafka;
using Connectors.Kafka.Ordering;
using Connectors.Kafka.Records;

namespace Connectors.Kafka.Committing;

/// <summary>Commits what is done, in one request for all partitions. A partition that is let go is committed once more and then never again.</summary>
/// <param name="committed">The group's offsets.</param>
/// <param name="backlog">The partitions.</param>
/// <param name="renewAfter">After which time an offset that did not change is committed again.</param>
/// <param name="time">The clock.</param>
/// <param name="log">The log.</param>
internal sealed class OffsetCommitter(GroupOffsets committed, Backlog backlog, TimeSpan renewAfter, TimeProvider time, ILogger log)
{
    // Held while a commit is under way: brokers take a commit from any member, so one that began before a partition was let go must be over
    // before another consumer gets it.
    private readonly Lock _committing = new();

    // Committing on while the group rebalances ends in an error for which the client gives up all its partitions. The limit is for a broker that says
    // so without a rebalance to follow.
    private static readonly TimeSpan RebalanceLimit = TimeSpan.FromSeconds(10);
    private long? _rebalancingSince;
    private volatile bool _isOver;

    /// <summary>Commits whatever has advanced. Never throws: what was refused is tried again the next time.</summary>
    public void Commit() => Commit(HasAdvanced);

    /// <summary>
    /// Commits whatever has advanced, and what was committed long ago or by somebody else: brokers before 2.1 forget an offset some time after it was committed,
    /// however alive its group is. Never throws.
    /// </summary>
    public void CommitAndRenew() => Commit(state => HasAdvanced(state) || IsOld(state));

    /// <summary>The group has its new assignment: commits are welcome again.</summary>
    public void Rebalanced()
    {
        lock (_committing)
        {
            _rebalancingSince = null;
        }
    }

    /// <summary>Commits these partitions for the last time and removes them.</summary>
    public void LetGo(IReadOnlyCollection<AssignedPartition> partitions)
    {
        lock (_committing)
        {
            Write(backlog.States().Where(s => partitions.Contains(s.Partition) && HasAdvanced(s)));
            Forget(partitions);
        }
    }

    /// <summary>Removes partitions that are no longer ours without a word to the brokers.</summary>
    public void Lose(IReadOnlyCollection<AssignedPartition> partitions)
    {
        lock (_committing)
        {
            Metrics.CommitsDropped(backlog.States().Count(s => partitions.Contains(s.Partition) && HasAdvanced(s)));
            Forget(partitions);
        }
    }

    /// <summary>Commits nothing any more, for the backlog is the next client's. Waits for no commit that is under way.</summary>
    public void LeaveBehind() => _isOver = true;

    private void Forget(IReadOnlyCollection<AssignedPartition> partitions)
    {
        foreach (var partition in partitions)
        {
            backlog.Remove(partition);
        }
    }

    private static bool HasAdvanced(PartitionState state) => state.Position > state.Committed;

    private bool IsOld(PartitionState state) =>
        state.Committed >= 0 && state.Position == state.Committed && (state.CommittedAt is not { } at || time.GetElapsedTime(at) >= renewAfter);

    private void Commit(Func<PartitionState, bool> isDue)
    {
        lock (_committing)
        {
            if (_rebalancingSince is not { } since || time.GetElapsedTime(since) > RebalanceLimit)
            {
                Write(backlog.States().Where(isDue));
            }
        }
    }

    private void Write(IEnumerable<PartitionState> states)
    {
        List<PartitionState> due = [.. states];
        if (_isOver || due.Count == 0)
        {
            return;
        }

        try
        {
            committed.Write([.. due.Select(s => new CommittedOffset(s.Partition.Name, s.Position) { Note = new OffsetNote(s.LastDone, s.Partition.Look).ToString() })]);
            foreach (var state in due)
            {
                backlog.Committed(state.Partition, state.Position);
            }

            _rebalancingSince = null;
            Metrics.Committed("ok");
        }
        catch (KafkaException fault)
        {
            Refused(fault.Error);
        }
    }

    private void Refused(Error error)
    {
        _rebalancingSince = error.Code == ErrorCode.RebalanceInProgress ? time.GetTimestamp() : null;
        Metrics.Committed("failed");
        Log.CommitFailed(log, error.Code.ToString(), error.Reason);
    }
}
