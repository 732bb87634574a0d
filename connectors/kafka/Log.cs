namespace Connectors.Kafka;

/// <summary>Every line that the Kafka connector logs; ids 500 to 599.</summary>
internal static partial class Log
{
    [LoggerMessage(EventId = 500, Message = "Rebalance")]
    public static partial void Rebalanced(ILogger log, LogLevel level, string group, string what, string partitions);

    [LoggerMessage(501, LogLevel.Warning, "Functions did not finish before their partitions were taken away; their events will come again")]
    public static partial void DrainedLate(ILogger log, string group, int partitions, TimeSpan drainTime);

    [LoggerMessage(502, LogLevel.Error, "Stored offset out of range: the partition stands still until the group's offset is set to one that the brokers have")]
    public static partial void OutOfRange(ILogger log, string group, string topic, int partition, long offset);

    [LoggerMessage(503, LogLevel.Information, "Credentials changed, connecting anew")]
    public static partial void CredentialsChanged(ILogger log, string group);

    [LoggerMessage(504, LogLevel.Error, "Round failed")]
    public static partial void RoundFailed(ILogger log, Exception fault);

    [LoggerMessage(505, LogLevel.Error, "Topic deleted and made again: the partition stands still until the group's offset is set")]
    public static partial void Remade(ILogger log, string group, string topic, int partition, long offset);

    [LoggerMessage(506, LogLevel.Warning, "The brokers do not say where the partition begins: it waits, and they are asked again")]
    public static partial void StartUnknown(ILogger log, string group, string topic, int partition);

    [LoggerMessage(507, LogLevel.Error, "The Kafka client does not close: it is left behind")]
    public static partial void LeftBehind(ILogger log, string group, TimeSpan limit);

    [LoggerMessage(508, LogLevel.Error, "Record not understood: its event carries its place and body alone")]
    public static partial void Unreadable(ILogger log, string topic, int partition, long offset, Exception fault);

    [LoggerMessage(509, LogLevel.Warning, "Credentials or certificates changed, and no client is made of them: the one that there is goes on")]
    public static partial void CredentialsRefused(ILogger log, string group, string error);

    [LoggerMessage(510, LogLevel.Warning, "Consuming failed, trying on")]
    public static partial void ConsumeFailed(ILogger log, string code, string error, string? topic);

    [LoggerMessage(511, LogLevel.Warning, "Commit failed, the next one repeats it")]
    public static partial void CommitFailed(ILogger log, string code, string error, string partitions);

    [LoggerMessage(512, LogLevel.Warning, "Kafka client error")]
    public static partial void ClientError(ILogger log, string code, string error, bool isFatal);

    [LoggerMessage(EventId = 513, Message = "Kafka client")]
    public static partial void Client(ILogger log, LogLevel level, string facility, string text);

    [LoggerMessage(514, LogLevel.Error, "Another process has our group.instance.id: this one waits before it joins the group again")]
    public static partial void Fenced(ILogger log, string group, TimeSpan wait);

    [LoggerMessage(515, LogLevel.Information, "The client gave the partition up: the brokers are asked anew where it begins")]
    public static partial void GivenUp(ILogger log, string group, string topic, int partition);

    [LoggerMessage(516, LogLevel.Warning, "Nothing came of the partition since it was begun: the brokers are asked anew where it begins")]
    public static partial void Silent(ILogger log, string group, string topic, int partition);

    [LoggerMessage(520, LogLevel.Error, "Event blocks its order: no function took it, trying on")]
    public static partial void Blocked(ILogger log, string eventId, string topic, int partition, long offset, int attempt, int status, string? error);

    [LoggerMessage(521, LogLevel.Warning, "Event skipped: no function took it")]
    public static partial void Skipped(ILogger log, string eventId, string topic, int partition, long offset, int attempt, int status, string? error);

    [LoggerMessage(522, LogLevel.Warning, "Dead letter")]
    public static partial void DeadLettered(ILogger log, string eventId, string topic, int partition, long offset, int attempt, int status, string? error);

    [LoggerMessage(523, LogLevel.Error, "Dead letter not written, the event blocks its order")]
    public static partial void DeadLetterFailed(ILogger log, string eventId, string deadLetterTopic, string error);

    [LoggerMessage(524, LogLevel.Warning, "Dead letter too large for the brokers, written again without a part of the record")]
    public static partial void DeadLetterReduced(ILogger log, string eventId, string deadLetterTopic, string error);

    [LoggerMessage(525, LogLevel.Warning, "A function refused the event, and none wants its topic any more: it waits for one, and its order with it")]
    public static partial void Unwanted(ILogger log, string eventId, string topic, int partition, long offset);
}
