using Confluent.Kafka;
using Connectors.Kafka.Client;
using Connectors.Kafka.Committing;
using Connectors.Kafka.Ordering;
using Connectors.Kafka.Records;
using Connectors.Sdk.Hosting;

namespace Connectors.Kafka.Polling;

/// <summary>
/// The partitions that are ours, and what happens when they come and go. Belongs to the poll thread, which all handlers run on. One that cannot go on
/// stands still and is told; the others never notice.
/// </summary>
internal sealed class Assignment(KafkaOptions options, StartingOffsets starts, Backlog backlog, Readiness readiness, TimeSpan drainTime, TimeProvider time, ILogger log)
{
    /// <summary>The condition of readiness that an assignment meets.</summary>
    public const string Condition = "partitions";

    private static readonly TimeSpan LookUpLimit = TimeSpan.FromSeconds(5);

    private readonly Dictionary<TopicPartition, AssignedPartition> _ours = [];
    private readonly SilentPartitions _silent = new(time);

    // Those of ours that stand still. Where it is not known yet where one begins, it is not among _ours.
    private readonly StandingPartitions _standing = new(options.Subscription.Group);
    private readonly LookAgain _look = new(starts, time);
    private readonly List<TopicPartition> _new = [];
    private volatile bool _isLeftBehind;

    /// <summary>Our name in the group, as of the last assignment.</summary>
    public string MemberId { get; private set; } = "";

    /// <summary>The partitions of this moment.</summary>
    public IReadOnlyCollection<TopicPartition> Names => [.. _ours.Keys.Union(_standing.Names)];

    /// <summary>A partition of ours that does not stand still; null if it is none, as all are once the client was left behind.</summary>
    public AssignedPartition? Find(TopicPartition name) => _isLeftBehind || _standing.Contains(name) ? null : _ours.GetValueOrDefault(name);

    /// <summary>The partitions that came since the last call and are still ours.</summary>
    public IReadOnlyList<TopicPartition> TakeNew()
    {
        List<TopicPartition> added = [.. _new.Where(name => Find(name) is not null)];
        _new.Clear();
        return added;
    }

    /// <summary>Takes partitions in and says where each begins.</summary>
    public IEnumerable<TopicPartitionOffset> Assigned(IConsumer<byte[]?, byte[]?> consumer, IReadOnlyCollection<TopicPartition> partitions)
    {
        if (_isLeftBehind)
        {
            // The backlog is the next client's.
            return partitions.Select(name => new TopicPartitionOffset(name, Offset.End));
        }

        var found = starts.Find(partitions, LookUpLimit);
        foreach (var start in found)
        {
            if (start.IsKnown)
            {
                Begin(start);
            }
            else
            {
                _standing.Add(start.Name, Standing.Unknown);
                Log.StartUnknown(log, options.Subscription.Group, start.Name.Topic, start.Name.Partition.Value);
            }
        }

        _look.Rest();
        Rename(consumer.MemberId ?? "");
        Metrics.Connected(options.Subscription.Group);
        Tell("assigned", partitions);
        TellReadiness("none assigned", isAssigned: true);
        return found.Select(s => new TopicPartitionOffset(s.Name, s.Offset));
    }

    /// <summary>
    /// Asks again, from time to time and on another thread, where those partitions begin for which the brokers did not say, and begins those of which they
    /// did since.
    /// </summary>
    public void LookUpAgain(IConsumer<byte[]?, byte[]?> consumer)
    {
        foreach (var name in _silent.TakeOverdue())
        {
            if (Find(name) is { } partition)
            {
                // The client may have lost its begin.
                Log.Silent(log, options.Subscription.Group, name.Topic, name.Partition.Value);
                Wait(partition);
            }
        }

        BeginLate(consumer, _look.Take());
        if (!_standing.IsEmpty)
        {
            _look.At(_standing.Unknown);
        }
    }

    /// <summary>Something came of a partition: a record, its end, or an error that names it.</summary>
    public void Heard(TopicPartition name) => _silent.Remove(name);

    /// <summary>Waits for the look that is under way: a client must not be closed under it.</summary>
    public void EndLook() => _look.End();

    /// <summary>Lets partitions go in order: nothing new starts, what runs may finish within the drain time, what is done is committed.</summary>
    public void Revoked(OffsetCommitter committer, IEnumerable<TopicPartition> partitions)
    {
        var leaving = Close(partitions);
        Tell("revoked", [.. leaving.Select(p => p.Name)]);
        if (!Task.WaitAll([.. leaving.Select(p => p.Idle)], drainTime))
        {
            Log.DrainedLate(log, options.Subscription.Group, leaving.Count(p => !p.Idle.IsCompleted), drainTime);
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

    /// <summary>
    /// The client is left behind: whatever becomes of it, it tells nothing any more, for another one does. Called from outside of the poll thread, which may be
    /// anywhere.
    /// </summary>
    public void LeaveBehind()
    {
        _isLeftBehind = true;
        _standing.Clear();
        readiness.Lost(Condition, "none assigned, the client was left behind");
    }

    /// <summary>
    /// The brokers do not have the offset at which a partition should go on. It stays where it is: going on elsewhere would skip or repeat in silence.
    /// </summary>
    public void OutOfRange(IConsumer<byte[]?, byte[]?> consumer, TopicPartition name)
    {
        if (Find(name) is not { } partition)
        {
            return;
        }

        var state = backlog.States().FirstOrDefault(s => s.Partition == partition);
        if (partition.Expected is not null || state is { LastDone: null, OldestAt: null, Committed: < 0 })
        {
            // Nothing was read of it yet. Retention has deleted since we asked: what was the oldest record, or the last one that was done.
            LookAnew(partition);
            return;
        }

        Stand(consumer, name, Standing.OutOfRange);
        Log.OutOfRange(log, options.Subscription.Group, name.Topic, name.Partition.Value, state?.Position ?? -1);
    }

    /// <summary>
    /// The client gave up a partition whose start was not known, as was meant. If it has begun since, it may be its beginning that was given up: it is asked for
    /// again.
    /// </summary>
    public void NotRead(TopicPartition name)
    {
        if (Find(name) is { } partition)
        {
            LookAnew(partition);
        }
    }

    /// <summary>
    /// Whether a record that was read is to be done. The first one may be the last that was done before, read again as a proof; if another stands in its
    /// place, the topic was deleted and made again: offsets mean other records now, so the partition stands still.
    /// </summary>
    public bool IsToBeDone(IConsumer<byte[]?, byte[]?> consumer, AssignedPartition partition, LastRecord read)
    {
        if (partition.Expected is not { } expected)
        {
            return true;
        }

        partition.Expected = null;
        if (read.Offset == expected.Offset && read != expected)
        {
            Stand(consumer, partition.Name, Standing.Remade);
            Log.Remade(log, options.Subscription.Group, partition.Name.Topic, partition.Name.Partition.Value, expected.Offset + 1);
        }

        // One further on: retention or compaction took the proof away.
        return read.Offset != expected.Offset;
    }

    // Partitions that stay ours are read under the new name from now on.
    private void Rename(string member)
    {
        if (member != MemberId)
        {
            foreach (var name in _ours.Keys)
            {
                Metrics.Unread(options.Subscription.Group, name, MemberId);
            }

            MemberId = member;
        }
    }

    private void Begin(StartingOffset start)
    {
        var partition = new AssignedPartition(start.Name, start.Position, start.Committed, start.Noted)
        {
            Expected = start.Expected,
            Look = start.Look,
            Next = start.Offset,
        };
        _ours[start.Name] = partition;
        _silent.Add(start.Name);
        _new.Add(start.Name);
        backlog.Open(partition);
        if (_isLeftBehind)
        {
            // Since its start was asked for: the backlog has been cleared already, or is about to be.
            backlog.Remove(partition);
            return;
        }

        backlog.Topics.Begin(partition);
    }

    private void BeginLate(IConsumer<byte[]?, byte[]?> consumer, IReadOnlyList<StartingOffset> found)
    {
        if (found.Count == 0 || !TryBeginAnew(consumer, found))
        {
            return;
        }

        foreach (var start in found)
        {
            _standing.Remove(start.Name);
            Begin(start);
        }

        TellReadiness("none assigned", isAssigned: true);
    }

    // Of a partition that was begun and given up by the client.
    private void LookAnew(AssignedPartition partition)
    {
        Log.GivenUp(log, options.Subscription.Group, partition.Name.Topic, partition.Name.Partition.Value);
        Wait(partition);
    }

    // Until it is known anew where it begins.
    private void Wait(AssignedPartition partition)
    {
        foreach (var left in Close([partition.Name]))
        {
            backlog.Remove(left);
            left.Withdraw();
        }

        _standing.Add(partition.Name, Standing.Unknown);
        TellReadiness("none assigned", isAssigned: true);
    }

    private void Stand(IConsumer<byte[]?, byte[]?> consumer, TopicPartition name, Standing why)
    {
        _standing.Add(name, why);
        consumer.Pause([name]);
        TellReadiness("none assigned", isAssigned: true);
    }

    // It fails where the client has none of them.
    private bool TryBeginAnew(IConsumer<byte[]?, byte[]?> consumer, IReadOnlyList<StartingOffset> found)
    {
        try
        {
            var others = Names.Except(found.Select(s => s.Name));

            // What stands still stays paused, for nothing is to come of it.
            List<AssignedPartition> begunToo = [.. consumer.GoesOneByOne() ? [] : _ours.Values.Where(p => !_standing.Contains(p.Name))];
            Unpause(consumer, begunToo.FindAll(p => p.IsPaused));
            consumer.BeginAnew(
                [.. found.Select(s => new TopicPartitionOffset(s.Name, s.Offset))],
                [.. others.Select(name => new TopicPartitionOffset(name, _ours.GetValueOrDefault(name)?.Next ?? StartingOffset.Nowhere))]);
            begunToo.ForEach(p => _silent.Add(p.Name));
            return true;
        }
        catch (KafkaException fault) when (!fault.Error.IsFatal)
        {
            return false;
        }
    }

    // The next record of each pauses it again.
    private void Unpause(IConsumer<byte[]?, byte[]?> consumer, List<AssignedPartition> paused)
    {
        consumer.Unpause(paused.ConvertAll(p => p.Name));
        paused.ForEach(backlog.Unpaused);
    }

    private List<AssignedPartition> Close(IEnumerable<TopicPartition> partitions)
    {
        var leaving = new List<AssignedPartition>();
        foreach (var name in partitions)
        {
            if (_ours.Remove(name, out var partition))
            {
                backlog.Close(partition);
                Metrics.Unread(options.Subscription.Group, name, MemberId);
                leaving.Add(partition);
            }

            _look.Remove(name);
            _standing.Remove(name);
            _silent.Remove(name);
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
        if (_isLeftBehind)
        {
            return;
        }

        if (!_standing.IsEmpty)
        {
            readiness.Lost(Condition, _standing.ToString());
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
        Metrics.Rebalanced(options.Subscription.Group, what);
        var level = options.Session.LogSessions ? LogLevel.Information : LogLevel.Debug;
        Log.Rebalanced(log, level, options.Subscription.Group, what, TopicName.Partitions(partitions));
    }
}
