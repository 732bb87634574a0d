using Confluent.Kafka;
using Connectors.Kafka.Committing;
using Connectors.Kafka.Records;

namespace Connectors.Kafka.Polling;

/// <summary>
/// Where newly assigned partitions begin: at the committed offset, else where <c>initial_offset</c> says. Looked up by us rather than left to the client's
/// reset rule, which cannot tell a group that has committed nothing from one whose offset the brokers no longer have.
/// </summary>
internal sealed class StartingOffsets(IConsumer<byte[]?, byte[]?> consumer, GroupOffsets committed, FirstLook firstLook, InitialOffset initial, TimeProvider time)
{
    /// <summary>Looks before anything is assigned.</summary>
    public void Prepare(TimeSpan limit)
    {
        if (initial == InitialOffset.Newest)
        {
            firstLook.TryTake(consumer.Handle, limit);
        }
    }

    /// <summary>Looks them up. What the brokers do not tell of one partition holds up no other: it is unknown for now.</summary>
    public IReadOnlyList<StartingOffset> Find(IReadOnlyCollection<TopicPartition> partitions, TimeSpan limit)
    {
        if (partitions.Count == 0)
        {
            return [];
        }

        if (Try(() => committed.Read(partitions, limit)) is not { } all)
        {
            return [.. partitions.Select(StartingOffset.Unknown)];
        }

        var wereRead = new Dictionary<string, bool?>();
        var began = time.GetTimestamp();
        return [.. all.Select(c => Start(c, wereRead, began, limit))];
    }

    private StartingOffset Start(CommittedOffset found, Dictionary<string, bool?> wereRead, long began, TimeSpan limit)
    {
        if (found.Error is not null)
        {
            return StartingOffset.Unknown(found.Name);
        }

        if (found.Offset >= 0)
        {
            return Committed(found, limit - time.GetElapsedTime(began));
        }

        return initial == InitialOffset.Oldest ? new StartingOffset(found.Name, Offset.Beginning, -1, -1) : Newest(found.Name, wereRead, limit);
    }

    // Reading begins with the last record that was done, if the commit says which that was: it proves that the topic is still the one that was read.
    // If retention has taken it, or if there is no time left to ask, there is no proof.
    private StartingOffset Committed(CommittedOffset found, TimeSpan left)
    {
        var start = new StartingOffset(found.Name, found.Offset, found.Offset, found.Offset);
        return LastRecord.Parse(found.Note) is { } last
            && left > TimeSpan.Zero
            && Try(() => consumer.QueryWatermarkOffsets(found.Name, left)) is { } marks
            && last.Offset >= marks.Low.Value
            && last.Offset < Math.Min(marks.High.Value, found.Offset)
                ? start with { Offset = last.Offset, Expected = last }
                : start;
    }

    // Resolved and then committed, so that what comes from now on is not skipped by a restart. A topic of which the group has committed anything was read
    // before, so a partition of it without an offset is new: it appeared while the group was away.
    private StartingOffset Newest(TopicPartition name, Dictionary<string, bool?> wereRead, TimeSpan limit)
    {
        if (!firstLook.TryTake(consumer.Handle, limit))
        {
            return StartingOffset.Unknown(name);
        }

        if (!wereRead.TryGetValue(name.Topic, out var wasRead))
        {
            wereRead[name.Topic] = wasRead = WasRead(name.Topic, limit);
        }

        if (wasRead is not { } known || Try(() => consumer.QueryWatermarkOffsets(name, limit)) is not { } marks)
        {
            return StartingOffset.Unknown(name);
        }

        var isNew = known || name.Partition.Value >= firstLook.Partitions(name.Topic);
        var offset = isNew ? marks.Low : marks.High;
        return new StartingOffset(name, offset, offset.Value, -1);
    }

    private bool? WasRead(string topic, TimeSpan limit)
    {
        List<TopicPartition> all = [.. Enumerable.Range(0, firstLook.Partitions(topic)).Select(number => new TopicPartition(topic, number))];
        return all.Count == 0 ? false : Try(() => committed.Read(all, limit))?.Any(c => c.Offset >= 0);
    }

    // What fails is asked again before long: brokers move and coordinators change just when partitions are assigned.
    private static T? Try<T>(Func<T> ask)
        where T : class
    {
        try
        {
            return ask();
        }
        catch (KafkaException fault) when (!fault.Error.IsFatal)
        {
            return null;
        }
    }
}

/// <summary>Where a partition begins.</summary>
/// <param name="Name">The partition.</param>
/// <param name="Offset">What the client is told.</param>
/// <param name="Position">The lowest offset that is not done; -1 if only the first record will tell.</param>
/// <param name="Committed">What the group has committed; -1 for nothing.</param>
internal sealed record StartingOffset(TopicPartition Name, Offset Offset, long Position, long Committed)
{
    /// <summary>False if the brokers did not say: the partition waits.</summary>
    public bool IsKnown { get; private init; } = true;

    /// <summary>The record that is to be found at <see cref="Offset"/>, unless it is gone; null if none was noted.</summary>
    public LastRecord? Expected { get; init; }

    /// <summary>The client is told the end meanwhile: a place that every partition has.</summary>
    public static StartingOffset Unknown(TopicPartition name) => new(name, Offset.End, -1, -1) { IsKnown = false };
}
