using Microsoft.Extensions.Logging;

namespace Connectors.Cron;

/// <summary>Every line that the cron connector itself logs; ids 400 to 499.</summary>
internal static partial class Log
{
    [LoggerMessage(400, LogLevel.Information, "Added")]
    public static partial void Added(ILogger log, string function, string schedule);

    [LoggerMessage(401, LogLevel.Information, "Removed")]
    public static partial void Removed(ILogger log, string function, string schedule);

    [LoggerMessage(402, LogLevel.Warning, "Bad schedule, it is left out")]
    public static partial void BadSchedule(ILogger log, string function, string reason, string error);

    [LoggerMessage(403, LogLevel.Warning, "Missed")]
    public static partial void Missed(ILogger log, string function, string schedule, int ticks);

    [LoggerMessage(404, LogLevel.Information, "Left out, the last run is not over")]
    public static partial void Overlapped(ILogger log, string function, string schedule, DateTimeOffset due);

    [LoggerMessage(405, LogLevel.Information, "Taken over from a replica that died or was stopped")]
    public static partial void TakenOver(ILogger log, string function, string schedule, DateTimeOffset due);

    [LoggerMessage(406, LogLevel.Warning, "Not fired in time, given up")]
    public static partial void GivenUp(ILogger log, string function, string schedule, DateTimeOffset due, int status, int attempts);

    [LoggerMessage(407, LogLevel.Warning, "Claim failed, tried again")]
    public static partial void ClaimFailed(ILogger log, string function, string schedule, DateTimeOffset due, string error);

    [LoggerMessage(408, LogLevel.Warning, "A cursor lay ahead of the clock and is taken back; what was fired ahead of its time is not fired again")]
    public static partial void TakenBack(ILogger log, string function, string schedule, DateTimeOffset cursor, DateTimeOffset clock);

    [LoggerMessage(409, LogLevel.Warning, "This machine's clock is behind the broker's: nothing is fired here until the cursor")]
    public static partial void ClockBehind(ILogger log, string function, string schedule, DateTimeOffset cursor, DateTimeOffset clock);

    [LoggerMessage(410, LogLevel.Information, "Cursors are shared")]
    public static partial void CursorsLoaded(ILogger log, string bucket);

    [LoggerMessage(411, LogLevel.Warning, "Cursors cannot be read")]
    public static partial void CursorsFailed(ILogger log, string bucket, string error);

    [LoggerMessage(412, LogLevel.Warning, "A cursor is none, nothing counts as missed")]
    public static partial void CursorUnreadable(ILogger log, string key);

    [LoggerMessage(413, LogLevel.Information, "Cursors are not shared: nats_host is not set, so run one replica only")]
    public static partial void CursorsInMemory(ILogger log);

    [LoggerMessage(414, LogLevel.Warning, "Cursors cannot be made or marked, tried again")]
    public static partial void OpenFailed(ILogger log, string error);

    [LoggerMessage(415, LogLevel.Warning, "Cursors are read anew")]
    public static partial void CursorsDoubted(ILogger log, string bucket, string error);

    [LoggerMessage(416, LogLevel.Warning, "The bucket is another one: what is remembered of the old one is written to it")]
    public static partial void BucketReplaced(ILogger log, string bucket);

    [LoggerMessage(417, LogLevel.Information, "Schedules that name no zone are on this one's clock")]
    public static partial void Zone(ILogger log, string zone);

    [LoggerMessage(418, LogLevel.Warning, "This machine has no time zone data: schedules that name a zone other than UTC are left out. Install tzdata, or set TZDIR")]
    public static partial void NoZones(ILogger log);

    [LoggerMessage(419, LogLevel.Warning, "The bucket is back at an earlier state: what is remembered of the later one is written to it")]
    public static partial void BucketWentBack(ILogger log, string bucket);
}
