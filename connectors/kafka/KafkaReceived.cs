using Confluent.Kafka;
using Connectors.Kafka.Ordering;
using Connectors.Kafka.Settling;
using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;

namespace Connectors.Kafka;

/// <summary>A record on its way to functions. Its order is kept by the backlog, so the pump is told of none.</summary>
internal sealed class KafkaReceived(Event content, AssignedPartition partition, Settler settler) : Received(content)
{
    public AssignedPartition Partition => partition;

    public required Message<byte[]?, byte[]?> Message { get; init; }

    public required long Offset { get; init; }

    /// <summary>Events of one lane run one after another; null for no order.</summary>
    public required string? Lane { get; init; }

    /// <summary>When it was read, as the clock's timestamp.</summary>
    public required long ReadAt { get; init; }

    /// <summary>Whether it was said that this event blocks its lane.</summary>
    public bool IsToldBlocked { get; set; }

    public override ValueTask CompleteAsync(CancellationToken ct)
    {
        settler.Complete(this);
        return ValueTask.CompletedTask;
    }

    public override async ValueTask<TimeSpan?> FailAsync(Outcome outcome, int attempt, CancellationToken ct)
    {
        await settler.FailAsync(this, outcome, attempt, ct);
        return null;
    }

    public override ValueTask AbandonAsync(CancellationToken ct)
    {
        settler.Abandon(this);
        return ValueTask.CompletedTask;
    }
}
