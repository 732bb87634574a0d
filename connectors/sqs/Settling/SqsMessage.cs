using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;

namespace Connectors.Sqs.Settling;

/// <summary>A received message on its way through the pump.</summary>
internal sealed class SqsMessage(Event content, Lease lease, Settler settler) : Received(content)
{
    public override ValueTask CompleteAsync(CancellationToken ct)
    {
        settler.Delete(lease);
        return ValueTask.CompletedTask;
    }

    public override ValueTask UnwantedAsync(CancellationToken ct)
    {
        settler.PassOver(lease);
        return ValueTask.CompletedTask;
    }

    public override ValueTask<TimeSpan?> FailAsync(Outcome outcome, int attempt, CancellationToken ct)
    {
        settler.Remember(lease, Progress);
        return ValueTask.FromResult(settler.Fail(lease, outcome, attempt));
    }

    public override ValueTask AbandonAsync(CancellationToken ct)
    {
        settler.Remember(lease, Progress);
        settler.GiveBack(lease, TimeSpan.Zero);
        return ValueTask.CompletedTask;
    }
}
