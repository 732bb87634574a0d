using Connectors.Sdk.Hosting;

namespace Connectors.Kafka.Ordering;

/// <summary>What runs one after another, and how much of a partition is held in memory.</summary>
internal sealed record OrderingOptions
{
    public required Concurrency Concurrency { get; init; }

    /// <summary>How many events of one partition are held, running ones included, before it is paused.</summary>
    public required int PartitionBuffer { get; init; }

    /// <summary>How many bytes of one partition are held before it is paused.</summary>
    public required long PartitionBufferBytes { get; init; }

    public static OrderingOptions Read(Settings settings) => new()
    {
        Concurrency = settings.Choice(
            "concurrency", Concurrency.Partition, "What runs one after another: the events of a partition, those of a key, or none (no order)"),
        PartitionBuffer = settings.Number(
            "partition_buffer", 256, "How many events of one partition are held, running ones included, before it is paused", 1, 100_000),
        PartitionBufferBytes = settings.LongNumber(
            "partition_buffer_bytes", 8 << 20, "How many bytes of one partition are held before it is paused", 1, 1 << 30),
    };
}

/// <summary>What runs one after another.</summary>
internal enum Concurrency
{
    Partition,
    Key,
    None,
}
