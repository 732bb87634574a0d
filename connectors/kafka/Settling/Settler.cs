using Connectors.Kafka.Ordering;
using Connectors.Sdk.Invocation;

namespace Connectors.Kafka.Settling;

/// <summary>What becomes of an event after a run. Its offset counts as finished only here: taken, dead-lettered or skipped.</summary>
internal sealed class Settler(KafkaOptions options, Backlog backlog, DeadLetters deadLetters, TimeProvider time, Random random, ILogger<Settler> log)
{
    // Guards the source of jitter.
    private readonly Lock _drawing = new();

    private RetryPolicy Retry => options.Failure.Retry;

    public void Complete(KafkaReceived received) => End(received, "completed");

    public void Abandon(KafkaReceived received)
    {
        backlog.Abandon(received);
        Metrics.Ended(received.Event.Topic, "abandoned");
    }

    /// <summary>Retries it, or lets <c>on_failure</c> decide. It does not throw: an event that nobody settles would hold its partition for ever.</summary>
    public async ValueTask FailAsync(KafkaReceived received, Outcome outcome, int attempt, CancellationToken ct)
    {
        var verdict = Draw(r => Retry.Decide(outcome, attempt, r));
        if (verdict.Kind == VerdictKind.Retry)
        {
            Again(received, verdict.After);
            return;
        }

        switch (options.Failure.OnFailure)
        {
            case OnFailure.Skip:
                Log.Skipped(log, received.Event.Id, received.Event.Topic, received.Partition.Name.Partition.Value, received.Offset, attempt, outcome.Status, outcome.Error);
                End(received, "skipped");
                break;
            case OnFailure.DeadLetter when await deadLetters.TryPublishAsync(received, outcome, attempt, ct):
                Log.DeadLettered(log, received.Event.Id, received.Event.Topic, received.Partition.Name.Partition.Value, received.Offset, attempt, outcome.Status, outcome.Error);
                End(received, "dead_letter");
                break;
            default:
                Block(received, outcome, attempt);
                break;
        }
    }

    private void Block(KafkaReceived received, Outcome outcome, int attempt)
    {
        if (!received.IsToldBlocked)
        {
            received.IsToldBlocked = true;
            Log.Blocked(log, received.Event.Id, received.Event.Topic, received.Partition.Name.Partition.Value, received.Offset, attempt, outcome.Status, outcome.Error);
        }

        Again(received, Draw(r => BackOff.Delay(Retry.BackOff, attempt, Retry.MinWait, Retry.MaxWait, r)));
    }

    private void Again(KafkaReceived received, TimeSpan after)
    {
        Metrics.Retried(received.Event.Topic);
        backlog.Again(received, after);
    }

    private void End(KafkaReceived received, string verdict)
    {
        var inTime = backlog.Done(received);
        Metrics.Ended(received.Event.Topic, inTime ? verdict : "too_late");
        Metrics.Took(received.Event.Topic, time.GetElapsedTime(received.ReadAt));
    }

    private T Draw<T>(Func<Random, T> decide)
    {
        lock (_drawing)
        {
            return decide(random);
        }
    }
}
