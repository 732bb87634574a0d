using Connectors.Kafka.Ordering;
using Connectors.Sdk.Invocation;

namespace Connectors.Kafka.Settling;

/// <summary>
/// Settles records: every way in which one leaves flight, or is given back, is here. An offset counts as done only if its event was taken, dead-lettered
/// or skipped.
/// </summary>
internal sealed class Settler(KafkaOptions options, Backlog backlog, DeadLetters deadLetters, TimeProvider time, Random random, ILogger<Settler> log)
{
    private RetryPolicy Retry => options.Failure.Retry;

    /// <summary>Every function took it.</summary>
    public void Complete(InFlight record) => End(record, "completed");

    /// <summary>It was given up without a verdict.</summary>
    public void Abandon(InFlight record)
    {
        backlog.Abandon(record);
        Metrics.Ended(record.Event.Topic, "abandoned");
    }

    /// <summary>Retries it, or lets <c>on_failure</c> decide. It does not throw: an event that nobody settles would hold its partition for ever.</summary>
    public async ValueTask FailAsync(InFlight record, Outcome outcome, int attempt, CancellationToken ct)
    {
        if (outcome.IsOutOfReach)
        {
            // A gateway that is away says nothing of the record, however long it takes, and uses up none of its attempts.
            record.RunsOutOfReach++;
            Nak(record, outcome.WaitAtLeast(Delay(attempt), Retry.MaxWait));
            return;
        }

        attempt -= record.RunsOutOfReach;
        var verdict = Retry.Decide(outcome, attempt, random);
        if (verdict.Kind == VerdictKind.Retry)
        {
            Nak(record, verdict.After);
            return;
        }

        switch (options.Failure.OnFailure)
        {
            case OnFailure.Skip:
                Log.Skipped(log, record.Event.Id, record.Event.Topic, record.Partition.Name.Partition.Value, record.Offset, attempt, outcome.Status, outcome.Error);
                End(record, "skipped");
                break;
            case OnFailure.DeadLetter when await deadLetters.TryPublishAsync(record, outcome, attempt, ct):
                Log.DeadLettered(log, record.Event.Id, record.Event.Topic, record.Partition.Name.Partition.Value, record.Offset, attempt, outcome.Status, outcome.Error);
                End(record, "dead_letter");
                break;
            default:
                Block(record, outcome, attempt);
                break;
        }
    }

    private void Block(InFlight record, Outcome outcome, int attempt)
    {
        if (!record.IsToldBlocked)
        {
            record.IsToldBlocked = true;
            Log.Blocked(log, record.Event.Id, record.Event.Topic, record.Partition.Name.Partition.Value, record.Offset, attempt, outcome.Status, outcome.Error);
        }

        Nak(record, Delay(attempt));
    }

    private TimeSpan Delay(int attempt) => BackOff.Delay(Retry.BackOff, attempt, Retry.MinWait, Retry.MaxWait, random);

    private void Nak(InFlight record, TimeSpan after)
    {
        Metrics.Retried(record.Event.Topic);
        backlog.Nak(record, after);
    }

    private void End(InFlight record, string verdict)
    {
        var inTime = backlog.Done(record);
        Metrics.Ended(record.Event.Topic, inTime ? verdict : "too_late");
        Metrics.Took(record.Event.Topic, time.GetElapsedTime(record.ReadAt));
    }
}
