using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace Connectors.Kafka.Client;

/// <summary>
/// Partitions of the assignment that begin anew in the middle of it, or leave. None that is paused by us is ever begun: the client drops the begin of a partition
/// that is resumed in the same moment, as being of an older date, and reads nothing of it until it is assigned again (librdkafka's issue 5591).
/// </summary>
internal static class Reassigning
{
    /// <summary>
    /// Sees to it that partitions are not begun paused, when they come back or all are begun anew: the client remembers a pause beyond their end. To resume one that
    /// is not paused asks nothing of it.
    /// </summary>
    public static void Unpause(this IConsumer<byte[]?, byte[]?> consumer, IReadOnlyCollection<TopicPartition> names)
    {
        if (names.Count == 0)
        {
            return;
        }

        try
        {
            consumer.Resume(names);
        }
        catch (KafkaException fault) when (!fault.Error.IsFatal)
        {
            // Of what it does not know it remembers nothing.
        }
    }

    /// <summary>Whether partitions come and go one by one; otherwise all are begun anew when one is.</summary>
    public static bool GoesOneByOne(this IConsumer<byte[]?, byte[]?> consumer) =>
        BrokerQuery.Held(consumer.Handle, client => Marshal.PtrToStringUTF8(Protocol(null, client))) == "COOPERATIVE";

    /// <summary>
    /// Begins partitions anew. A seek would not do: the client refuses it for a partition that it gave up, as it gives up one whose offset is out of range.
    /// Throws <see cref="KafkaException"/> where the client has none of them.
    /// </summary>
    /// <param name="consumer">The client.</param>
    /// <param name="begun">The partitions, and where each begins.</param>
    /// <param name="others">
    /// All others of the assignment, and where each goes on. Unless partitions come and go one by one, what is named is ours from then on: it has to be the whole
    /// assignment.
    /// </param>
    public static void BeginAnew(
        this IConsumer<byte[]?, byte[]?> consumer, IReadOnlyCollection<TopicPartitionOffset> begun, IReadOnlyCollection<TopicPartitionOffset> others)
    {
        if (consumer.GoesOneByOne())
        {
            consumer.IncrementalUnassign(begun.Select(b => b.TopicPartition));
            consumer.IncrementalAssign(begun);
        }
        else
        {
            consumer.Assign(begun.Concat(others));
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.StaticMethod, Name = "rebalance_protocol")]
    private static extern nint Protocol([UnsafeAccessorType("Confluent.Kafka.Impl.Librdkafka, Confluent.Kafka")] object? bindings, nint client);
}
