using Confluent.Kafka;
using Connectors.Kafka.Client;
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

    // Others wait for the commit, and it is made again.
    private static readonly TimeSpan ReadLimit = TimeSpan.FromSeconds(2);

    // Why each was refused that was not committed since. Guarded by the lock above, as the time is.
    private readonly Dictionary<TopicPartition, ErrorCode> _refused = [];
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
            _refused.Remove(partition.Name);
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

        var offsets = due.ConvertAll(s => new CommittedOffset(s.Partition.Name, s.Position) { Note = new OffsetNote(s.LastDone, s.Partition.Look).ToString() });
        try
        {
            committed.Write(offsets);
            _rebalancingSince = null;
            Took(due);
        }
        catch (KafkaException fault)
        {
            _rebalancingSince = fault.Error.Code == ErrorCode.RebalanceInProgress ? time.GetTimestamp() : null;
            var stored = Stored(offsets, fault.Error.Code);
            Took(due.FindAll(s => stored.Contains(s.Partition.Name)));
            Refused([.. offsets.Select(c => c.Name).Where(name => !stored.Contains(name))], fault.Error);
        }
    }

    // A topic that may not be read, or was deleted, is refused alone: the brokers store the rest of the request, and the client tells no more than the error.
    private HashSet<TopicPartition> Stored(List<CommittedOffset> offsets, ErrorCode error)
    {
        if (offsets.Count == 1 || error is not (ErrorCode.TopicAuthorizationFailed or ErrorCode.UnknownTopicOrPart or ErrorCode.OffsetMetadataTooLarge or ErrorCode.InvalidCommitOffsetSize))
        {
            return [];
        }

        try
        {
            return [.. committed.Read([.. offsets.Select(c => c.Name)], ReadLimit).Intersect(offsets).Select(c => c.Name)];
        }
        catch (KafkaException)
        {
            return [];
        }
    }

    private void Took(List<PartitionState> states)
    {
        foreach (var state in states)
        {
            backlog.Committed(state.Partition, state.Position);
            _refused.Remove(state.Partition.Name);
        }

        if (states.Count > 0)
        {
            Metrics.Committed("ok");
        }
    }

    // The same of a partition is told once, though it is tried again each time.
    private void Refused(List<TopicPartition> names, Error error)
    {
        var untold = names.FindAll(name => _refused.GetValueOrDefault(name) != error.Code);
        names.ForEach(name => _refused[name] = error.Code);
        if (untold.Count > 0)
        {
            Log.CommitFailed(log, error.Code.ToString(), error.Reason, TopicName.Partitions(untold));
        }

        if (names.Count > 0)
        {
            Metrics.Committed("failed");
        }
    }
}
