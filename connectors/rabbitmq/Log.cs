using Microsoft.Extensions.Logging;

namespace Connectors.RabbitMq;

/// <summary>Every line that the RabbitMQ connector logs; ids 700 to 799.</summary>
internal static partial class Log
{
    [LoggerMessage(700, LogLevel.Information, "Connected")]
    public static partial void Connected(ILogger log, string queue, string broker);

    [LoggerMessage(701, LogLevel.Information, "Consuming the queue")]
    public static partial void Consuming(ILogger log, string queue);

    [LoggerMessage(702, LogLevel.Information, "No function wants the queue, its messages stay there")]
    public static partial void Unwanted(ILogger log, string queue);

    [LoggerMessage(703, LogLevel.Error, "Queue not consumed, trying again")]
    public static partial void ConsumingFailed(ILogger log, string queue, string kind, string error, TimeSpan retryIn);

    [LoggerMessage(704, LogLevel.Error, "Message not understood: its event carries its body alone")]
    public static partial void Unreadable(ILogger log, string queue, string? messageId, Exception fault);

    [LoggerMessage(705, LogLevel.Information, "Queue made: a classic one, bound to the default exchange alone. Should it have arguments or bindings, delete it, declare it, and set declare_queues=false")]
    public static partial void QueueMade(ILogger log, string queue);

    [LoggerMessage(710, LogLevel.Warning, "Dead letter")]
    public static partial void DeadLettered(ILogger log, string queue, string eventId, int attempt, int status, string? error);

    [LoggerMessage(711, LogLevel.Error, "Dead letter not written, the message backs off and is run again")]
    public static partial void DeadLetterFailed(ILogger log, string queue, string eventId, string deadLetterQueue, string error);

    [LoggerMessage(712, LogLevel.Warning, "Rejected: no function took it (on_failure=reject)")]
    public static partial void Rejected(ILogger log, string queue, string eventId, int attempt, int status, string? error);

    [LoggerMessage(713, LogLevel.Warning, "Requeued: no function took it (on_failure=requeue)")]
    public static partial void Requeued(ILogger log, string queue, string eventId, int attempt, int status, string? error);

    [LoggerMessage(714, LogLevel.Warning, "Dropped: no function took it (on_failure=drop)")]
    public static partial void Dropped(ILogger log, string queue, string eventId, int attempt, int status, string? error);

    [LoggerMessage(715, LogLevel.Warning, "Not settled, the channel that it came by has ended: the message comes again")]
    public static partial void TooLate(ILogger log, string queue, string eventId, string end);

    [LoggerMessage(716, LogLevel.Warning, "Dead letter too large for AMQP, written with less")]
    public static partial void DeadLetterReduced(ILogger log, string queue, string eventId, string deadLetterQueue, string leftOut);

    [LoggerMessage(717, LogLevel.Warning, "A message may not have all of its runs: after max_hold it is given up, lest the broker takes all that is here back for its sake. Where the broker's consumer_timeout is longer, raise max_hold")]
    public static partial void RunsBeyondHold(ILogger log, int maxRetryAttempts, TimeSpan upstreamTimeout, TimeSpan maxRetryWait, TimeSpan maxHold);
}
