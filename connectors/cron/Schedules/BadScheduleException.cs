namespace Connectors.Cron.Schedules;

/// <summary>A function's annotations that name no schedule. It disturbs nobody: the function is left out, told of in the log and in a metric.</summary>
internal sealed class BadScheduleException(BadSchedule reason, string message) : FormatException(message)
{
    public BadSchedule Reason { get; } = reason;
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

    /// <summary>The period after <c>@every</c> is none, or below a second.</summary>
    Every,

    /// <summary>It never comes, like 30 February.</summary>
    Never,

    /// <summary>Another annotation of ours has a value that it cannot have.</summary>
    Annotation,
}
