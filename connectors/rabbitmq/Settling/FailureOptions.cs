using Connectors.RabbitMq.Broker;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;

namespace Connectors.RabbitMq.Settling;

/// <summary>What happens to a message that a function does not take.</summary>
internal sealed record FailureOptions
{
    private const string OwnQueue = "{queue}";

    private static readonly RetryPolicy RetryDefaults = RetryOptions.Defaults(10, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60), BackOffKind.Equal);

    public required RetryPolicy Retry { get; init; }

    public required OnFailure OnFailure { get; init; }

    /// <summary>The queue for dead letters; <c>{queue}</c> in it stands for the message's own.</summary>
    public required string DeadLetterQueue { get; init; }

    public static FailureOptions Read(Settings settings) => new()
    {
        Retry = RetryOptions.Read(settings, "a message", RetryDefaults),
        OnFailure = settings.Choice(
            "on_failure",
            OnFailure.DeadLetter,
            "What becomes of a message after its attempts, or after another status: dead_letter (written to dead_letter_queue), reject (the queue's own dead-letter exchange; lost without one), requeue (back to the queue) or drop"),
        DeadLetterQueue = settings.Text("dead_letter_queue", "{queue}.dead", "Queue for dead letters, made if it is not there; {queue} in it stands for the message's own"),
    };

    /// <summary>Whether all runs of a message, and the waits between them, fit into so long, though each takes its longest. The first has its time in any case.</summary>
    public bool HasTimeFor(TimeSpan run, TimeSpan limit)
    {
        var taken = run;
        for (var attempt = 1; attempt < Retry.Attempts && taken <= limit; attempt++)
        {
            taken += BackOff.Delay(attempt, Retry.MinWait, Retry.MaxWait) + run;
        }

        return Retry.Attempts == 1 || taken <= limit;
    }

    public string DeadLetterQueueOf(string queue) => DeadLetterQueue.Replace(OwnQueue, queue, StringComparison.Ordinal);

    /// <summary>Dead letters that are consumed again from their own queue would go round for ever.</summary>
    public void CheckDeadLetterQueue(Settings settings, IReadOnlyList<QueueSpec> queues)
    {
        foreach (var queue in queues.Where(_ => OnFailure == OnFailure.DeadLetter))
        {
            if (!QueueSpec.IsName(DeadLetterQueueOf(queue.Name)))
            {
                settings.Fault("dead_letter_queue", $"a name of 1 to 255 bytes, {OwnQueue} in it replaced");
                return;
            }

            if (queues.Any(q => q.Name == DeadLetterQueueOf(queue.Name)))
            {
                settings.Fault("dead_letter_queue", "a queue that is not among queues: its messages would go round for ever");
                return;
            }
        }
    }
}

/// <summary>The end of a message that a function did not take.</summary>
internal enum OnFailure
{
    DeadLetter,
    Reject,
    Requeue,
    Drop,
}
