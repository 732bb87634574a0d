using Cronos;

namespace Connectors.Cron.Schedules;

/// <summary>When something is due: a cron expression on the clock of a zone, or a period counted from the Unix epoch. Equal by its text and zone.</summary>
internal sealed class Schedule
{
    private readonly TimeSpan _period;

    // Day of month and day of week may both be given, and either then matches: two expressions, for one of Cronos wants both to hold.
    private readonly IReadOnlyList<CronExpression> _expressions;

    public Schedule(string text, TimeZoneInfo zone, IReadOnlyList<CronExpression> expressions)
    {
        (Text, Zone, _expressions) = (text, zone, expressions);
    }

    public Schedule(string text, TimeSpan period)
    {
        (Text, Zone, _expressions, _period) = (text, TimeZoneInfo.Utc, [], period);
    }

    /// <summary>The schedule as written, without its zone.</summary>
    public string Text { get; }

    public TimeZoneInfo Zone { get; }

    /// <summary>The first due instant after <paramref name="after"/>; null if there is none.</summary>
    public DateTimeOffset? Next(DateTimeOffset after) => _period > TimeSpan.Zero ? NextPeriod(after) : NextOccurrence(after);

    /// <summary>The schedule as people and metrics read it: with its zone, unless that is the machine's.</summary>
    public override string ToString() => _period > TimeSpan.Zero || Zone.Id == TimeZoneInfo.Local.Id ? Text : $"{Text} ({Zone.Id})";

    // Counted from a fixed instant, so that all replicas, before and after any restart, agree.
    private DateTimeOffset NextPeriod(DateTimeOffset after)
    {
        var since = after.UtcTicks - DateTimeOffset.UnixEpoch.Ticks;
        return DateTimeOffset.UnixEpoch.AddTicks(((since / _period.Ticks) + 1) * _period.Ticks);
    }

    private DateTimeOffset? NextOccurrence(DateTimeOffset after)
    {
        DateTimeOffset? first = null;
        foreach (var expression in _expressions)
        {
            if (expression.GetNextOccurrence(after.UtcDateTime, Zone) is { } next && (first is null || next < first.Value.UtcDateTime))
            {
                first = new DateTimeOffset(next);
            }
        }

        return first;
    }
}
