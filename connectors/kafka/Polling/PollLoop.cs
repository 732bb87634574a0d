using Confluent.Kafka;
using Connectors.Kafka.Client;
using Connectors.Kafka.Committing;
using Connectors.Kafka.Ordering;
using Connectors.Kafka.Records;
using Connectors.Sdk.Events;

namespace Connectors.Kafka.Polling;

/// <summary>
/// What the poll thread does, over and over: fetch a record, put it into the backlog, pause and resume partitions. It waits for records only, and, while the
/// group takes partitions away, for what runs of them.
/// </summary>
internal sealed class PollLoop(IConsumer<byte[]?, byte[]?> consumer, Assignment assignment, OffsetCommitter committer, Backlog backlog, KafkaOptions options, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(100);

    // With a partition paused, room is to be noticed soon.
    private static readonly TimeSpan ShortWait = TimeSpan.FromMilliseconds(5);

    // The client takes a broker that has not answered by then for one that is gone, and connects anew: an answer may have to wait for a fetch that stands there
    // (fetch.wait.max.ms).
    private static readonly TimeSpan WakeLimit = TimeSpan.FromSeconds(3);

    private readonly HashSet<TopicPartition> _paused = [];
    private readonly HashSet<TopicPartition> _asleep = [];
    private Task _waking = Task.CompletedTask;
    private volatile bool _takesNoMore;
    private bool _fetchesNothing;
    private string _lastFault = "";

    /// <summary>Fetches nothing more; the membership in the group goes on, for what still runs.</summary>
    public void TakeNoMore() => _takesNoMore = true;

    /// <summary>One round. Throws only what the client cannot recover from.</summary>
    public void Step()
    {
        StopFetching();
        try
        {
            if (consumer.Consume(_paused.Count > 0 ? ShortWait : Wait) is { } record && !_takesNoMore && assignment.Find(record.TopicPartition) is { } partition)
            {
                Take(record, partition);
            }
        }
        catch (ConsumeException fault) when (!fault.Error.IsFatal)
        {
            Tell(fault);
        }

        // Before all that may wait: with the word that partitions are taken away lying unread, beginning one anew would count as its answer.
        if (!_fetchesNothing)
        {
            assignment.LookUpAgain(consumer);
        }

        Resume();
        Wake();
    }

    /// <summary>Waits until nothing is asked of the brokers any more.</summary>
    public void EndWaking() => _waking.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing).GetAwaiter().GetResult();

    private void Take(ConsumeResult<byte[]?, byte[]?> record, AssignedPartition partition)
    {
        assignment.Heard(partition.Name);
        partition.Next = record.IsPartitionEOF ? record.Offset : record.Offset + 1;
        if (record.IsPartitionEOF)
        {
            backlog.End(partition, record.Offset.Value);
            return;
        }

        _lastFault = "";
        var identity = LastRecord.Of(record);
        if (!assignment.IsToBeDone(consumer, partition, identity))
        {
            return;
        }

        Metrics.Consumed(options.Subscription.Group, record.TopicPartition, assignment.MemberId, record.Offset.Value);
        if (backlog.Add(InFlight.Of(record, identity, partition, Translate(record), options.Ordering.Concurrency, time.GetTimestamp())))
        {
            consumer.Pause([partition.Name]);
            _paused.Add(partition.Name);
        }
    }

    // One record that cannot be told is no reason to end what serves all partitions.
    private Event Translate(ConsumeResult<byte[]?, byte[]?> record)
    {
        try
        {
            var content = RecordEvent.Create(record, options.Subscription.Group, options.Headers);
            Metrics.Dropped(record.Topic, RecordEvent.Dropped(content));
            return content;
        }
        catch (Exception fault)
        {
            Log.Unreadable(log, record.Topic, record.Partition.Value, record.Offset.Value, fault);
            return RecordEvent.Unreadable(record, options.Subscription.Group);
        }
    }

    private void Resume()
    {
        _paused.RemoveWhere(name => assignment.Find(name) is not { IsPaused: true });
        if (_fetchesNothing)
        {
            return;
        }

        // None came paused; if one did all the same, it would stay so.
        if (assignment.TakeNew() is { Count: > 0 } added)
        {
            consumer.Resume(added);
            committer.Commit();
        }

        // Of a client that was left behind meanwhile they are another's.
        foreach (var partition in _takesNoMore ? [] : backlog.TakeResumable())
        {
            consumer.Resume([partition.Name]);
            _paused.Remove(partition.Name);
            _asleep.Add(partition.Name);
        }
    }

    // The client's thread that fetches from a broker does not hear that a partition is resumed: it sleeps until something goes to that broker or comes from
    // it, for up to a second. So something is asked of it, and the answer is of no interest.
    private void Wake()
    {
        if (_asleep.Count > 0 && _waking.IsCompleted)
        {
            TopicPartition[] names = [.. _asleep];
            _asleep.Clear();
            _waking = Blocking.RunAsync(() => Array.ForEach(names, Ask), "kafka-wake");
        }
    }

    private void Ask(TopicPartition name)
    {
        try
        {
            consumer.AskWatermarks(name, WakeLimit);
        }
        catch (KafkaException)
        {
            // It wakes by itself.
        }
    }

    private void StopFetching()
    {
        if (_takesNoMore && !_fetchesNothing)
        {
            _fetchesNothing = true;
            consumer.Pause(assignment.Names);
        }
    }

    // The client goes on by itself after all of these; the same words need no second line until something came in between.
    private void Tell(ConsumeException fault)
    {
        var place = fault.ConsumerRecord?.TopicPartitionOffset;
        if (place is not null)
        {
            assignment.Heard(place.TopicPartition);
        }

        if (fault.Error.Code == ErrorCode.Local_AutoOffsetReset && place?.Offset == StartingOffset.Nowhere)
        {
            assignment.NotRead(place.TopicPartition);
            return;
        }

        Metrics.Failed(fault.Error.Code);
        if (fault.Error.Code == ErrorCode.Local_AutoOffsetReset && place is not null)
        {
            assignment.OutOfRange(consumer, place.TopicPartition);
        }
        else if (_lastFault != fault.Error.Reason)
        {
            _lastFault = fault.Error.Reason;
            Log.ConsumeFailed(log, fault.Error.Code.ToString(), fault.Error.Reason, place?.Topic);
        }
    }
}
