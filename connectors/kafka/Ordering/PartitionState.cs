using Connectors.Kafka.Records;

namespace Connectors.Kafka.Ordering;

/// <summary>How a partition stands at one moment.</summary>
/// <param name="Partition">The partition.</param>
/// <param name="Position">The lowest unfinished offset; -1 while nothing is known.</param>
/// <param name="Committed">The committed offset; -1 for none.</param>
/// <param name="CommittedAt">When that was committed last, as the clock's timestamp; null if not since the partition is ours.</param>
/// <param name="LastDone">The last record below the position; null if it is not known.</param>
/// <param name="DoneAhead">Events above the position that are done.</param>
/// <param name="Held">Events in memory.</param>
/// <param name="IsPaused">Whether no more is fetched.</param>
/// <param name="OldestAt">When the lowest unfinished event was read, as the clock's timestamp; null without one.</param>
internal sealed record PartitionState(
    AssignedPartition Partition, long Position, long Committed, long? CommittedAt, LastRecord? LastDone, long DoneAhead, int Held, bool IsPaused, long? OldestAt);
