using Microsoft.Extensions.Logging;

namespace Connectors.Sdk.Hosting;

/// <summary>Every line that connector-sdk itself logs; ids 100 to 149.</summary>
internal static partial class Log
{
    [LoggerMessage(100, LogLevel.Information, "Started")]
    public static partial void Started(ILogger log, string service, string version);

    [LoggerMessage(101, LogLevel.Information, "Listening")]
    public static partial void Listening(ILogger log, string purpose, string address);

    [LoggerMessage(102, LogLevel.Information, "Stopped")]
    public static partial void Stopped(ILogger log, string service);

    [LoggerMessage(103, LogLevel.Error, "Failed")]
    public static partial void Failed(ILogger log, Exception fault);

    [LoggerMessage(104, LogLevel.Error, "Duty ended, beginning it anew")]
    public static partial void DutyEnded(ILogger log, string duty, TimeSpan delay, Exception? fault);

    [LoggerMessage(105, LogLevel.Warning, "Log lines were dropped: nobody reads the output fast enough")]
    public static partial void LinesDropped(ILogger log, long lines);

    [LoggerMessage(110, LogLevel.Information, "Topic map rebuilt")]
    public static partial void MapRebuilt(ILogger log, int functions, int subscribed, TimeSpan duration);

    [LoggerMessage(111, LogLevel.Warning, "Topic map not rebuilt, the last one stays")]
    public static partial void MapFailed(ILogger log, string error);

    [LoggerMessage(112, LogLevel.Debug, "Not reported to the gateway")]
    public static partial void NotReported(ILogger log, string error);

    [LoggerMessage(120, LogLevel.Warning, "Event source failed, reading it anew")]
    public static partial void SourceFailed(ILogger log, Exception fault);

    [LoggerMessage(121, LogLevel.Information, "Draining")]
    public static partial void Draining(ILogger log, int running);

    [LoggerMessage(122, LogLevel.Debug, "No function wants the topic")]
    public static partial void Unmatched(ILogger log, string topic, string eventId);

    [LoggerMessage(123, LogLevel.Error, "Event not settled, left to its source's redelivery")]
    public static partial void SettleFailed(ILogger log, string topic, string eventId, Exception fault);

    [LoggerMessage(124, LogLevel.Error, "Event cannot be sent")]
    public static partial void Unsendable(ILogger log, string topic, string eventId, Exception fault);

    [LoggerMessage(125, LogLevel.Error, "Event not run, given back to its source")]
    public static partial void NotRun(ILogger log, string topic, string eventId, Exception fault);

    [LoggerMessage(EventId = 130, Message = "Invoked")]
    public static partial void Invoked(
        ILogger log, LogLevel level, string callId, string function, string topic, string eventId, int attempt, int status, TimeSpan duration, string? error);

    [LoggerMessage(131, LogLevel.Information, "Request body")]
    public static partial void RequestBody(ILogger log, string callId, string function, int size, string body);

    [LoggerMessage(132, LogLevel.Information, "Response body")]
    public static partial void ResponseBody(ILogger log, string callId, string function, long size, string? body);
}
