using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Confluent.Kafka;
using Confluent.Kafka.Admin;

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

    /// <summary>
    /// The first record of a partition that is not older than a time, in milliseconds since 1970. Throws <see cref="KafkaException"/> if nobody tells within the
    /// limit.
    /// </summary>
    public static TimedOffset AskFirstSince(this IConsumer<byte[]?, byte[]?> consumer, TopicPartition name, long since, TimeSpan limit) => Held(
        consumer.Handle,
        _ =>
        {
            // The consumer itself asks the same, and does not tell the record's time.
            using var admin = new DependentAdminClientBuilder(consumer.Handle).Build();
            var asked = new TopicPartitionOffsetSpec { TopicPartition = name, OffsetSpec = OffsetSpec.ForTimestamp(since) };
            try
            {
                var told = admin.ListOffsetsAsync([asked], new ListOffsetsOptions { RequestTimeout = limit }).GetAwaiter().GetResult().ResultInfos[0];
                return new TimedOffset(told.TopicPartitionOffsetError.Offset.Value, told.Timestamp);
            }
            catch (ListOffsetsException fault) when (fault.Result.ResultInfos[0].TopicPartitionOffsetError.Error.Code == ErrorCode.UnsupportedForMessageFormat)
            {
                return new TimedOffset(-1, -1);
            }
        });

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

/// <summary>A record by its time.</summary>
/// <param name="Offset">Where it stands; negative for none.</param>
/// <param name="At">
/// Its time, in milliseconds since 1970; negative for none, of brokers before 0.10.1, which know the times of files only, and of topics that are kept in a
/// format of before 0.10, whose records have none.
/// </param>
internal sealed record TimedOffset(long Offset, long At);
