using Confluent.Kafka;
using Connectors.Kafka.Client;
using Connectors.Kafka.Committing;
using Connectors.Kafka.Records;

namespace Connectors.Kafka.Polling;

/// <summary>
/// Where newly assigned partitions begin: at the committed offset, else where <c>initial_offset</c> says. Looked up by us rather than left to the client's
/// reset rule, which cannot tell a group that has committed nothing from one whose offset the brokers no longer have.
/// </summary>
internal sealed class StartingOffsets(IConsumer<byte[]?, byte[]?> consumer, GroupOffsets committed, FirstLook firstLook, InitialOffset initial, TimeProvider time)
{
    /// <summary>
    /// How many partitions are asked about at the same time. Each takes a thread, for as long as the limit if its broker is silent: behind as many of those
    /// as this no other has a turn.
    /// </summary>
    public const int MaxAsked = 32;

    /// <summary>Looks before anything is assigned.</summary>
    public void Prepare(TimeSpan limit)
    {
        if (initial == InitialOffset.Newest)
        {
            firstLook.TryTake(consumer.Handle, limit);
        }
    }

    /// <summary>Forgets what is remembered of topics that have long been gone.</summary>
    public void ForgetGone(TimeSpan limit)
    {
        if (initial == InitialOffset.Newest)
        {
            firstLook.ForgetGone(consumer.Handle, limit);
        }
    }

    /// <summary>
    /// Looks them up, all of them together: what is committed within the limit, and what the brokers have within one more. What the brokers do not tell of one partition holds up no other: it is unknown for now.
    /// </summary>
    public IReadOnlyList<StartingOffset> Find(IReadOnlyCollection<TopicPartition> partitions, TimeSpan limit)
    {
        if (partitions.Count == 0)
        {
            return [];
        }

        var newest = initial == InitialOffset.Newest ? new NewestStarts(consumer, committed, firstLook, partitions, time) : null;
        if (new Deadline(time, limit).Ask(left => committed.Read(partitions, left)) is not { } all)
        {
            return [.. partitions.Select(StartingOffset.Unknown)];
        }

        // A coordinator that took its time leaves the proof that a topic is the one that was read its own.
        var deadline = new Deadline(time, limit);
        newest?.LookUp([.. all.Where(HasNone).Select(c => c.Name)], deadline);
        var found = new StartingOffset[all.Count];
        var next = -1;
        Task.WhenAll(Enumerable.Range(0, Math.Min(all.Count, MaxAsked)).Select(_ => Blocking.RunAsync(
            () =>
            {
                for (int i; (i = Interlocked.Increment(ref next)) < found.Length;)
                {
                    found[i] = Start(all[i], newest, deadline);
                }
            },
            "kafka-start"))).GetAwaiter().GetResult();
        return found;
    }

    private static bool HasNone(CommittedOffset found) => found is { Error: null, Offset: < 0 };

    private StartingOffset Start(CommittedOffset found, NewestStarts? newest, Deadline deadline)
    {
        if (found.Error is not null)
        {
            return StartingOffset.Unknown(found.Name);
        }

        if (found.Offset >= 0)
        {
            return Committed(found, deadline);
        }

        return newest?.Start(found.Name, deadline) ?? Oldest(found.Name, deadline);
    }

    // Told to find the beginning itself, the client would give the partition up at the first broker that refuses to say.
    private StartingOffset Oldest(TopicPartition name, Deadline deadline) =>
        deadline.Ask(left => consumer.AskWatermarks(name, left)) is { } marks ? new StartingOffset(name, marks.Low, -1, -1) : StartingOffset.Unknown(name);

    // Reading begins with the last record that was done, if the commit says which that was: it proves that the topic is still the one that was read.
    // If retention has taken it, or if there is no time left to ask, there is no proof.
    private StartingOffset Committed(CommittedOffset found, Deadline deadline)
    {
        var note = OffsetNote.Parse(found.Note);
        var start = new StartingOffset(found.Name, found.Offset, found.Offset, found.Offset) { Noted = note.LastDone, Look = note.Look };
        return start.Noted is { } last
            && deadline.Ask(left => consumer.AskWatermarks(found.Name, left)) is { } marks
            && last.Offset >= marks.Low.Value
            && last.Offset < Math.Min(marks.High.Value, found.Offset)
                ? start with { Offset = last.Offset, Expected = last }
                : start;
    }
}

/// <summary>Where a partition begins.</summary>
/// <param name="Name">The partition.</param>
/// <param name="Offset">What the client is told.</param>
/// <param name="Position">The lowest offset that is not done; -1 if only the first record will tell.</param>
/// <param name="Committed">What the group has committed; -1 for nothing.</param>
internal sealed record StartingOffset(TopicPartition Name, Offset Offset, long Position, long Committed)
{
    /// <summary>
    /// What the client is told of a partition whose start is not known: a place that no partition has, so that nothing is read. Of the end it would ask itself,
    /// and would go there once that is answered, however long after it was told where to begin.
    /// </summary>
    public static Offset Nowhere { get; } = long.MaxValue;

    /// <summary>False if the brokers did not say: the partition waits.</summary>
    public bool IsKnown { get; private init; } = true;

    /// <summary>What was there of the topic when the group first looked; null if nothing is known of that.</summary>
    public TopicLook? Look { get; init; }

    /// <summary>The last record that was done when that was committed; null if none was noted.</summary>
    public LastRecord? Noted { get; init; }

    /// <summary>The record that is to be found at <see cref="Offset"/>, unless it is gone; null if none was noted.</summary>
    public LastRecord? Expected { get; init; }

    /// <summary>Where the partition begins is yet to be told.</summary>
    public static StartingOffset Unknown(TopicPartition name) => new(name, Nowhere, -1, -1) { IsKnown = false };
}
