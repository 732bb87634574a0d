using Connectors.Kafka.Ordering;
using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;

namespace Connectors.Kafka.Settling;

/// <summary>A record in flight as the pump knows it. Its order is kept by the backlog, so the pump is told of none.</summary>
internal sealed class KafkaReceived(InFlight record, Settler settler) : Received(record.Event)
{
    public override ValueTask CompleteAsync(CancellationToken ct)
    {
        settler.Complete(record);
        return ValueTask.CompletedTask;
    }

    public override ValueTask UnwantedAsync(CancellationToken ct) => settler.UnwantedAsync(record, ct);

    public override async ValueTask<TimeSpan?> FailAsync(Outcome outcome, int attempt, CancellationToken ct)
    {
        await settler.FailAsync(record, outcome, attempt, ct);
        return null;
    }

    public override ValueTask AbandonAsync(CancellationToken ct)
    {
        settler.Abandon(record);
        return ValueTask.CompletedTask;
    }
}
