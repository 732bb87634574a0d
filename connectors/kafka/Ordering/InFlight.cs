using System.Text;
using Confluent.Kafka;
using Connectors.Kafka.Records;
using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;

namespace Connectors.Kafka.Ordering;

/// <summary>A record that was read and is not done.</summary>
internal sealed class InFlight
{
    public required AssignedPartition Partition { get; init; }

    public required long Offset { get; init; }

    /// <summary>Records of one lane run one after another; null for no order.</summary>
    public required string? Lane { get; init; }

    public required Message<byte[]?, byte[]?> Message { get; init; }

    /// <summary>What functions get of it.</summary>
    public required Event Event { get; init; }

    /// <summary>How much of memory it takes: value, key and headers, sent or not.</summary>
    public required long Bytes { get; init; }

    /// <summary>By which the record is known again after a restart.</summary>
    public required LastRecord Identity { get; init; }

    /// <summary>When it was read, as the clock's timestamp.</summary>
    public required long ReadAt { get; init; }

    /// <summary>What the pump was given of it: the same object in every run, for attempts are counted in it.</summary>
    public Received? Handed { get; set; }

    /// <summary>How many of its runs use up no attempt, for no function ran it.</summary>
    public int RunsInVain { get; set; }

    /// <summary>How it went when a function last ran it and did not take it, and in which attempt; null if none has.</summary>
    public (Outcome Outcome, int Attempt)? Refusal { get; set; }

    /// <summary>Whether it was logged that this record blocks its lane.</summary>
    public bool IsToldBlocked { get; set; }

    /// <summary>Whether it was logged that this record waits for a function.</summary>
    public bool IsToldUnwanted { get; set; }

    public static InFlight Of(
        ConsumeResult<byte[]?, byte[]?> record, LastRecord identity, AssignedPartition partition, Event content, Concurrency concurrency, long readAt)
    {
        return new InFlight
        {
            Partition = partition,
            Offset = record.Offset.Value,
            Lane = concurrency switch
            {
                Concurrency.Partition => "",
                // A record without a key belongs to no order but its partition's, which was not asked for.
                Concurrency.Key when record.Message.Key is { } key => Encoding.Latin1.GetString(key),
                _ => null,
            },
            Message = record.Message,
            Bytes = Size(record.Message),
            Event = content,
            Identity = identity,
            ReadAt = readAt,
        };
    }

    private static long Size(Message<byte[]?, byte[]?> message) =>
        (message.Value?.Length ?? 0L) + (message.Key?.Length ?? 0) + (message.Headers?.Sum(header => header.Key.Length + (header.GetValueBytes()?.LongLength ?? 0)) ?? 0);
}
