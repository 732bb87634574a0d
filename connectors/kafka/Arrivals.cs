using System.Text;
using Confluent.Kafka;
using Connectors.Kafka.Ordering;
using Connectors.Kafka.Records;
using Connectors.Kafka.Settling;

namespace Connectors.Kafka;

/// <summary>Makes events of records: their HTTP form, their lane, their way to an end.</summary>
internal sealed class Arrivals(KafkaOptions options, Settler settler, TimeProvider time)
{
    public KafkaReceived Create(ConsumeResult<byte[]?, byte[]?> record, AssignedPartition partition) =>
        new(RecordEvent.Create(record, options.Group), partition, settler)
        {
            Message = record.Message,
            Offset = record.Offset.Value,
            Lane = Lane(record),
            ReadAt = time.GetTimestamp(),
            Withdrawn = partition.Withdrawn,
        };

    private string? Lane(ConsumeResult<byte[]?, byte[]?> record) => options.Concurrency switch
    {
        Concurrency.Partition => "",
        // A record without a key belongs to no order but its partition's, which was not asked for.
        Concurrency.Key when record.Message.Key is { } key => Encoding.Latin1.GetString(key),
        _ => null,
    };
}
