using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace Connectors.Kafka.Client;

/// <summary>
/// What is asked of the brokers beside the poll thread, which may close the client at any time: it is destroyed once none of these is under way. The .NET face
/// of the library does not see to that.
/// </summary>
internal static class BrokerQuery
{
    /// <summary>Where a partition begins and ends. Throws <see cref="KafkaException"/> if nobody tells within the limit.</summary>
    public static WatermarkOffsets AskWatermarks(this IConsumer<byte[]?, byte[]?> consumer, TopicPartition name, TimeSpan limit) =>
        Held(consumer.Handle, _ => consumer.QueryWatermarkOffsets(name, limit));

    /// <summary>Asks something while the client is held. Throws <see cref="KafkaException"/> if that is closed already.</summary>
    public static T Held<T>(Handle client, Func<nint, T> ask)
    {
        var handle = (SafeHandle)HandleOf(client);
        var isHeld = false;
        try
        {
            handle.DangerousAddRef(ref isHeld);
            return ask(handle.DangerousGetHandle());
        }
        catch (ObjectDisposedException)
        {
            throw new KafkaException(ErrorCode.Local_Destroy);
        }
        finally
        {
            if (isHeld)
            {
                handle.DangerousRelease();
            }
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_LibrdkafkaHandle")]
    [return: UnsafeAccessorType("Confluent.Kafka.Impl.SafeKafkaHandle, Confluent.Kafka")]
    private static extern object HandleOf(Handle client);
}
