using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Topics;

namespace Connectors.Sqs.Settling;

/// <summary>A received message on its way through the pump.</summary>
internal sealed class SqsMessage(Event content, Lease lease, Settler settler, LatestTopicMap topics) : Received(content)
{
    public override ValueTask CompleteAsync(CancellationToken ct)
    {
        // Nobody wants its queue any more: it stays there for whoever comes.
        if (topics.Value.Match(Event.Topic).Count == 0)
        {
            settler.GiveBack(lease, TimeSpan.Zero);
        }
        else
        {
            settler.Delete(lease);
        }

        return ValueTask.CompletedTask;
    }

    public override ValueTask<TimeSpan?> FailAsync(Outcome outcome, int attempt, CancellationToken ct) => ValueTask.FromResult(settler.Fail(lease, outcome, attempt));

    public override ValueTask AbandonAsync(CancellationToken ct)
    {
        settler.GiveBack(lease, TimeSpan.Zero);
        return ValueTask.CompletedTask;
    }
}
