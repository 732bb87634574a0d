using Confluent.Kafka;
using Connectors.Kafka.Committing;
using Connectors.Kafka.Ordering;
using Connectors.Sdk.Hosting;

namespace Connectors.Kafka.Polling;

/// <summary>The partitions that are ours, and what happens when they come and go. Belongs to the poll thread, which all handlers run on.</summary>
internal sealed class Assignment(KafkaOptions options, Backlog backlog, Readiness readiness, TimeSpan drainTime, ILogger log)
{
    /// <summary>The condition of readiness that an assignment meets.</summary>
    public const string Condition = "partitions";

    private readonly Dictionary<TopicPartition, AssignedPartition> _ours = [];
    private readonly HashSet<TopicPartition> _outOfRange = [];
    private readonly List<TopicPartition> _new = [];

    /// <summary>Our name in the group, as of the last assignment.</summary>
    public string MemberId { get; private set; } = "";

    /// <summary>The partitions of this moment.</summary>
    public IReadOnlyCollection<TopicPartition> Names => _ours.Keys;

    /// <summary>A partition of ours; null if it is not.</summary>
    public AssignedPartition? Find(TopicPartition name) => _ours.GetValueOrDefault(name);

    /// <summary>The partitions that came since the last call and are still ours.</summary>
    public IReadOnlyList<TopicPartition> TakeNew()
    {
        List<TopicPartition> added = [.. _new.Where(_ours.ContainsKey)];
        _new.Clear();
        return added;
    }

    /// <summary>Takes partitions in and says where each begins.</summary>
    public IEnumerable<TopicPartitionOffset> Assigned(IConsumer<byte[]?, byte[]?> consumer, IReadOnlyCollection<TopicPartition> partitions)
    {
        var starts = StartingOffsets.Find(consumer, partitions, options.InitialOffset);
        foreach (var start in starts)
        {
            var partition = new AssignedPartition(start.Name, start.Position, start.Committed);
            _ours[start.Name] = partition;
            _new.Add(start.Name);
            backlog.Open(partition);
        }

        MemberId = consumer.MemberId ?? "";
        Metrics.Connected(options.Group);
        Tell("assigned", partitions);
        TellReadiness("none assigned", isAssigned: true);
        return starts.Select(s => new TopicPartitionOffset(s.Name, s.Offset));
    }

    /// <summary>Lets partitions go in order: nothing new starts, what runs may finish within the drain time, what is done is committed.</summary>
    public void Revoked(OffsetCommitter committer, IEnumerable<TopicPartition> partitions)
    {
        var leaving = Close(partitions);
        Tell("revoked", [.. leaving.Select(p => p.Name)]);
        if (!Task.WaitAll([.. leaving.Select(p => p.Idle)], drainTime))
        {
            Log.DrainedLate(log, options.Group, leaving.Count(p => !p.Idle.IsCompleted), drainTime);
        }

        committer.LetGo(leaving);
        Withdraw(leaving, "none assigned, the group rebalances");
    }

    /// <summary>Drops partitions that another consumer may have by now: nothing is committed.</summary>
    public void Lost(OffsetCommitter committer, IEnumerable<TopicPartition> partitions)
    {
        var leaving = Close(partitions);
        Tell("lost", [.. leaving.Select(p => p.Name)]);
        committer.Lose(leaving);
        Withdraw(leaving, "lost, the group went on without us");
    }

    /// <summary>The brokers do not have the offset at which a partition should go on. It stays where it is: going on elsewhere would skip or repeat in silence.</summary>
    public void OutOfRange(IConsumer<byte[]?, byte[]?> consumer, TopicPartition name)
    {
        if (Find(name) is not { } partition)
        {
            return;
        }

        var state = backlog.States().FirstOrDefault(s => s.Partition == partition);
        if (state is { Position: < 0, Committed: < 0 })
        {
            // Nothing was ever read of it, so "the oldest" still is the oldest, whatever retention has deleted since we asked.
            consumer.Seek(new TopicPartitionOffset(name, Offset.Beginning));
            return;
        }

        _outOfRange.Add(name);
        Metrics.OutOfRange(options.Group, name, isOutOfRange: true);
        Log.OutOfRange(log, options.Group, name.Topic, name.Partition.Value, state?.Position ?? -1);
        TellReadiness("none assigned", isAssigned: true);
    }

    private List<AssignedPartition> Close(IEnumerable<TopicPartition> partitions)
    {
        var leaving = new List<AssignedPartition>();
        foreach (var name in partitions)
        {
            if (_ours.Remove(name, out var partition))
            {
                backlog.Close(partition);
                leaving.Add(partition);
            }

            if (_outOfRange.Remove(name))
            {
                Metrics.OutOfRange(options.Group, name, isOutOfRange: false);
            }
        }

        return leaving;
    }

    private void Withdraw(List<AssignedPartition> leaving, string why)
    {
        foreach (var partition in leaving)
        {
            partition.Withdraw();
        }

        TellReadiness(why, _ours.Count > 0);
    }

    private void TellReadiness(string why, bool isAssigned)
    {
        if (_outOfRange.Count > 0)
        {
            readiness.Lost(Condition, $"stored offset out of range: {string.Join(", ", _outOfRange.Select(p => $"{p.Topic}/{p.Partition.Value}"))}");
        }
        else if (isAssigned)
        {
            readiness.Met(Condition);
        }
        else
        {
            readiness.Lost(Condition, why);
        }
    }

    private void Tell(string what, IReadOnlyCollection<TopicPartition> partitions)
    {
        Metrics.Rebalanced(options.Group, what);
        var level = options.LogSessions ? LogLevel.Information : LogLevel.Debug;
        Log.Rebalanced(log, level, options.Group, what, string.Join(' ', partitions.GroupBy(p => p.Topic).Select(t => $"{t.Key}[{string.Join(',', t.Select(p => p.Partition.Value))}]")));
    }
}
