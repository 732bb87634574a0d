namespace Connectors.Cron.Schedules;

/// <summary>A function's annotations that name no schedule. It disturbs nobody: the function is left out, told of in the log and in a metric.</summary>
internal sealed class BadScheduleException(BadSchedule reason, string message) : FormatException(message)
{
    public BadSchedule Reason { get; } = reason;

    /// <summary>What was given, for a message: cut where it is long.</summary>
    public static string Quote(string text) => $"\"{(text.Length > 100 ? text[..100] + "…" : text)}\"";
}

/// <summary>What may be wrong, as the metric's label.</summary>
internal enum BadSchedule
{
    /// <summary>There is no schedule.</summary>
    Empty,

    /// <summary>It is no cron expression.</summary>
    Syntax,

    /// <summary>There is no such time zone.</summary>
    Zone,

    /// <summary>The period after <c>@every</c> is none, below a second, or longer than the calendar.</summary>
    Every,

    /// <summary>It never comes, like 30 February.</summary>
    Never,

    /// <summary>There are too many, or one is too long.</summary>
    Size,

    /// <summary>Another annotation of ours has a value that it cannot have.</summary>
    Annotation,

    /// <summary>The function's name is too long to be the key of a cursor.</summary>
    Name,

    /// <summary>Reading it, or finding its ticks, failed in a way that nobody foresaw.</summary>
    Fault,
}
