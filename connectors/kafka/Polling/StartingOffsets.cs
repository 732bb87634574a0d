using Confluent.Kafka;

namespace Connectors.Kafka.Polling;

/// <summary>
/// Where newly assigned partitions begin: at the committed offset, else where <c>initial_offset</c> says. Looked up by us rather than left to the client's
/// reset rule, which cannot tell a group that has committed nothing from one whose offset the brokers no longer have.
/// </summary>
internal static class StartingOffsets
{
    private const int Tries = 3;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Looks them up. Throws <see cref="KafkaException"/> if the brokers do not say.</summary>
    public static IReadOnlyList<StartingOffset> Find(IConsumer<byte[]?, byte[]?> consumer, IReadOnlyCollection<TopicPartition> partitions, InitialOffset initial)
    {
        var found = new List<StartingOffset>();
        foreach (var committed in partitions.Count == 0 ? [] : Persist(() => consumer.Committed(partitions, Patience)))
        {
            var name = committed.TopicPartition;
            found.Add(committed.Offset switch
            {
                { IsSpecial: false } offset => new StartingOffset(name, offset, offset.Value, offset.Value),
                _ when initial == InitialOffset.Oldest => new StartingOffset(name, Offset.Beginning, -1, -1),
                // Resolved and then committed, so that what comes from now on is not skipped by a restart.
                _ => Newest(name, Persist(() => consumer.QueryWatermarkOffsets(name, Patience)).High),
            });
        }

        return found;
    }

    private static StartingOffset Newest(TopicPartition name, Offset end) => new(name, end, end.Value, -1);

    private static T Persist<T>(Func<T> ask)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                return ask();
            }
            catch (KafkaException fault) when (tries < Tries && !fault.Error.IsFatal)
            {
                // Brokers move and coordinators change just when partitions are assigned.
            }
        }
    }
}

/// <summary>Where a partition begins.</summary>
/// <param name="Name">The partition.</param>
/// <param name="Offset">What the client is told.</param>
/// <param name="Position">The same as a number; -1 if only the first record will tell.</param>
/// <param name="Committed">What the group has committed; -1 for nothing.</param>
internal sealed record StartingOffset(TopicPartition Name, Offset Offset, long Position, long Committed);
