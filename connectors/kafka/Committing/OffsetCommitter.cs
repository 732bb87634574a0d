using Confluent.Kafka;
using Connectors.Kafka.Ordering;

namespace Connectors.Kafka.Committing;

/// <summary>Commits what is done, in one request for all partitions. A partition that is let go is committed once more and then never again.</summary>
internal sealed class OffsetCommitter(IConsumer<byte[]?, byte[]?> consumer, Backlog backlog, TimeProvider time, ILogger log)
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
            consumer.Commit(advanced.Select(s => new TopicPartitionOffset(s.Partition.Name, s.Position)));
            Note(advanced, refused: []);
            _rebalancingSince = null;
            Metrics.Committed("ok");
        }
        catch (TopicPartitionOffsetException fault)
        {
            Note(advanced, [.. fault.Results.Where(r => r.Error.IsError).Select(r => r.TopicPartition)]);
            Refused(fault.Results.First(r => r.Error.IsError).Error);
        }
        catch (KafkaException fault)
        {
            Refused(fault.Error);
        }
    }

    private void Note(List<PartitionState> advanced, HashSet<TopicPartition> refused)
    {
        foreach (var state in advanced.Where(s => !refused.Contains(s.Partition.Name)))
        {
            backlog.Committed(state.Partition, state.Position);
        }
    }

    private void Refused(Error error)
    {
        _rebalancingSince = error.Code == ErrorCode.RebalanceInProgress ? time.GetTimestamp() : null;
        Metrics.Committed("failed");
        Log.CommitFailed(log, error.Code.ToString(), error.Reason);
    }
}
