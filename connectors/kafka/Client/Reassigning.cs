using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace Connectors.Kafka.Client;

/// <summary>Partitions of the assignment that begin anew in the middle of it.</summary>
internal static class Reassigning
{
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
        if (BrokerQuery.Held(consumer.Handle, client => Marshal.PtrToStringUTF8(Protocol(null, client))) == "COOPERATIVE")
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
