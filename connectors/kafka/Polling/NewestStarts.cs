using System.Collections.Immutable;
using Confluent.Kafka;
using Connectors.Kafka.Client;
using Connectors.Kafka.Committing;
using Connectors.Kafka.Records;

namespace Connectors.Kafka.Polling;

/// <summary>
/// Where partitions begin with <c>initial_offset=newest</c> of which the group has committed nothing: behind what was there at the first look. Of one asking,
/// and made before the group is asked what it has committed: what was committed by then and is not there is lost, and what is committed meanwhile is no sign
/// of anything.
/// </summary>
internal sealed class NewestStarts(
    IConsumer<byte[]?, byte[]?> consumer, GroupOffsets committed, FirstLook firstLook, IReadOnlyCollection<TopicPartition> partitions, TimeProvider time)
{
    // How far a producer's clock may be ahead of ours. One that counts microseconds is beyond it.
    private static readonly TimeSpan MaxAhead = TimeSpan.FromHours(1);

    private readonly ImmutableHashSet<TopicPartition> _seen = firstLook.Seen.All;
    private readonly IReadOnlySet<TopicPartition> _askedBefore = firstLook.Ask(partitions);
    private Dictionary<string, TopicLook?> _looks = [];

    /// <summary>Looks the topics up of which there are partitions without an offset. Of one without a whole answer nothing is known.</summary>
    public void LookUp(IReadOnlyCollection<TopicPartition> without, Deadline deadline)
    {
        if (without.Count == 0 || !firstLook.TryTake(consumer.Handle, deadline.Left))
        {
            return;
        }

        var topics = without.ToLookup(name => name.Topic, name => name.Partition.Value);
        var all = topics
            .SelectMany(topic => Enumerable.Range(0, Math.Max(firstLook.Partitions(topic.Key), topic.Max() + 1)).Select(number => new TopicPartition(topic.Key, number)))
            .Union(_seen.Where(name => topics.Contains(name.Topic)))
            .ToList();
        if (deadline.Ask(left => committed.Read(all, left)) is { } read)
        {
            var found = read.ToLookup(c => c.Name.Topic);
            var wereRead = _seen.Select(name => name.Topic).ToHashSet();
            _looks = topics.Where(topic => found[topic.Key].All(IsRead))
                .ToDictionary(topic => topic.Key, topic => firstLook.Of(topic.Key, found[topic.Key], wereRead.Contains(topic.Key)));
        }
    }

    /// <summary>Where one of them begins.</summary>
    public StartingOffset Start(TopicPartition name, Deadline deadline)
    {
        if (!_looks.TryGetValue(name.Topic, out var look) || deadline.Ask(left => consumer.AskWatermarks(name, left)) is not { } marks)
        {
            return StartingOffset.Unknown(name);
        }

        if (look is not { } first || name.Partition.Value >= first.Partitions || _seen.Contains(name))
        {
            return At(marks.Low.Value);
        }

        // Resolved and then committed, so that what comes from now on is not skipped by a restart.
        if (firstLook.IsFresh(first) && !_askedBefore.Contains(name))
        {
            return At(marks.High.Value);
        }

        return deadline.Ask(left => consumer.AskFirstSince(name, first.At, left)) is { } since ? At(Since(marks, since, time.GetUtcNow())) : StartingOffset.Unknown(name);

        StartingOffset At(long offset) => new(name, offset, offset, -1) { Look = look };
    }

    /// <summary>Where a partition begins that was there at first and whose end of then nobody knows: at the first record since. Where no record tells its time, at the end.</summary>
    public static long Since(WatermarkOffsets marks, TimedOffset first, DateTimeOffset now) =>
        first.At >= 0 && first.At <= (now + MaxAhead).ToUnixTimeMilliseconds() ? Math.Clamp(first.Offset, marks.Low.Value, marks.High.Value) : marks.High.Value;

    // Of a partition that is not there the group has committed nothing; any other error says that it is not known, and an answer stands for good.
    private static bool IsRead(CommittedOffset found) => found.Error is null or { Code: ErrorCode.UnknownTopicOrPart };
}
