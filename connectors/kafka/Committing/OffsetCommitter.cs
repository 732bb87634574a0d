using Confluent.Kafka;
using Connectors.Kafka.Ordering;

namespace Connectors.Kafka.Committing;

/// <summary>Commits what is done, in one request for all partitions. A partition that is let go is committed once more and then never again.</summary>
internal sealed class OffsetCommitter(GroupOffsets committed, Backlog backlog, TimeProvider time, ILogger log)
{
    // Held while a commit is under way: brokers take a commit from any member, so one that began before a partition was let go must be over
    // before another consumer gets it.
    private readonly Lock _committing = new();

    // Committing on while the group rebalances ends in an error for which the client gives up all its partitions. The limit is for a broker that says
    // so without a rebalance to follow.
    private static readonly TimeSpan RebalanceLimit = TimeSpan.FromSeconds(10);
    private long? _rebalancingSince;

    /// <summary>Commits whatever has advanced. Never throws: what was refused is tried again the next time.</summary>
    public void Commit()
    {
        lock (_committing)
        {
            if (_rebalancingSince is not { } since || time.GetElapsedTime(since) > RebalanceLimit)
            {
                Commit(backlog.States());
            }
        }
    }

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
            Commit(backlog.States().Where(s => partitions.Contains(s.Partition)));
            Forget(partitions);
        }
    }

    /// <summary>Removes partitions that are no longer ours without a word to the brokers.</summary>
    public void Lose(IReadOnlyCollection<AssignedPartition> partitions)
    {
        lock (_committing)
        {
            Metrics.CommitsDropped(backlog.States().Count(s => partitions.Contains(s.Partition) && s.Position > s.Committed));
            Forget(partitions);
        }
    }

    private void Forget(IReadOnlyCollection<AssignedPartition> partitions)
    {
        foreach (var partition in partitions)
        {
            backlog.Remove(partition);
        }
    }

    private void Commit(IEnumerable<PartitionState> states)
    {
        List<PartitionState> advanced = [.. states.Where(s => s.Position > s.Committed)];
        if (advanced.Count == 0)
        {
            return;
        }

        try
        {
            committed.Write([.. advanced.Select(s => new CommittedOffset(s.Partition.Name, s.Position) { Note = s.LastDone?.ToString() ?? "" })]);
            foreach (var state in advanced)
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
