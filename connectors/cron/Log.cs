using Microsoft.Extensions.Logging;

namespace Connectors.Cron;

/// <summary>Every line that the cron connector itself logs; ids 400 to 499.</summary>
internal static partial class Log
{
    [LoggerMessage(400, LogLevel.Information, "Added")]
    public static partial void Added(ILogger log, string function, string schedule);

    [LoggerMessage(401, LogLevel.Information, "Removed")]
    public static partial void Removed(ILogger log, string function, string schedule);

    [LoggerMessage(402, LogLevel.Warning, "Bad schedule, the function is left out")]
    public static partial void BadSchedule(ILogger log, string function, string reason, string error);

    [LoggerMessage(403, LogLevel.Warning, "Missed")]
    public static partial void Missed(ILogger log, string function, string schedule, int ticks);

    [LoggerMessage(404, LogLevel.Information, "Left out, the last run is not over")]
    public static partial void Overlapped(ILogger log, string function, string schedule, DateTimeOffset due);

    [LoggerMessage(405, LogLevel.Information, "Taken over from a replica that fell silent")]
    public static partial void TakenOver(ILogger log, string function, string schedule, DateTimeOffset due);

    [LoggerMessage(406, LogLevel.Warning, "Not fired in time, given up")]
    public static partial void GivenUp(ILogger log, string function, string schedule, DateTimeOffset due, int status, int attempts);

    [LoggerMessage(407, LogLevel.Warning, "Claim failed, tried again")]
    public static partial void ClaimFailed(ILogger log, string function, string schedule, DateTimeOffset due, string error);

    [LoggerMessage(410, LogLevel.Information, "Cursors are shared")]
    public static partial void CursorsLoaded(ILogger log, string bucket);

    [LoggerMessage(411, LogLevel.Warning, "Cursors cannot be read")]
    public static partial void CursorsFailed(ILogger log, string bucket, string error);

    [LoggerMessage(412, LogLevel.Warning, "A cursor is none, nothing counts as missed")]
    public static partial void CursorUnreadable(ILogger log, string key);

    [LoggerMessage(413, LogLevel.Information, "Cursors are not shared: nats_host is not set, so run one replica only")]
    public static partial void CursorsInMemory(ILogger log);
}
