using Connectors.Kafka.Ordering;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Topics;

namespace Connectors.Kafka.Settling;

/// <summary>
/// Settles records: every way in which one leaves flight, or is given back, is here. An offset counts as done only if its event was taken, dead-lettered
/// or skipped, or if nobody wants it.
/// </summary>
internal sealed class Settler(
    KafkaOptions options, LatestTopicMap topics, Backlog backlog, DeadLetters deadLetters, TimeProvider time, Random random, ILogger<Settler> log)
{
    private RetryPolicy Retry => options.Failure.Retry;

    /// <summary>Every function took it.</summary>
    public void Complete(InFlight record) => End(record, "completed");

    /// <summary>
    /// No function wants it. A log does not wait, so it is passed over. But a function that is replaced is not listed for a moment: what was wanted until just now
    /// waits for two more lists. What a function refused is never passed over: after those lists it ends as <c>on_failure</c> says, or waits for a function.
    /// </summary>
    public async ValueTask UnwantedAsync(InFlight record, CancellationToken ct)
    {
        record.RunsInVain++;
        if (topics.WasWanted(record.Event.Topic))
        {
            AwaitList(record);
        }
        else if (record.Refusal is not { } refusal)
        {
            End(record, "unwanted");
        }
        else if (options.Failure.OnFailure == OnFailure.Block)
        {
            TellUnwanted(record);
            AwaitList(record);
        }
        else
        {
            await GiveUpAsync(record, refusal.Outcome, refusal.Attempt, ct);
        }
    }

    /// <summary>
    /// It was given up without a verdict. With its partition, or as the process stops, it comes again elsewhere; if it could not be run, it is tried on here.
    /// </summary>
    public void Abandon(InFlight record)
    {
        backlog.Nak(record, Retry.MaxWait);
        Metrics.Ended(record.Event.Topic, "abandoned");
    }

    /// <summary>Retries it, or lets <c>on_failure</c> decide. It does not throw: an event that nobody settles would hold its partition for ever.</summary>
    public async ValueTask FailAsync(InFlight record, Outcome outcome, int attempt, CancellationToken ct)
    {
        if (outcome.IsNotRun)
        {
            // A gateway that is away, or a function that is down or full, says nothing of the record, however long it takes, and uses up none of its attempts.
            record.RunsInVain++;
            Nak(record, outcome.WaitAtLeast(Retry.Delay(attempt, random), Retry.MaxWait));
            return;
        }

        attempt -= record.RunsInVain;
        record.Refusal = (outcome, attempt);
        var verdict = Retry.Decide(outcome, attempt, random);
        if (verdict.Kind == VerdictKind.Retry)
        {
            Nak(record, verdict.After);
            return;
        }

        await GiveUpAsync(record, outcome, attempt, ct);
    }

    private async ValueTask GiveUpAsync(InFlight record, Outcome outcome, int attempt, CancellationToken ct)
    {
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

        Nak(record, Retry.Delay(attempt, random));
    }

    private void TellUnwanted(InFlight record)
    {
        if (!record.IsToldUnwanted)
        {
            record.IsToldUnwanted = true;
            Log.Unwanted(log, record.Event.Id, record.Event.Topic, record.Partition.Name.Partition.Value, record.Offset);
        }
    }

    // Nothing changes before the next one.
    private void AwaitList(InFlight record) => backlog.Nak(record, options.Connector.RebuildInterval);

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
