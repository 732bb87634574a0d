using Cronos;

namespace Connectors.Cron.Schedules;

/// <summary>When something is due: a cron expression on the clock of a zone, or a period counted from the Unix epoch. Equal by its text and zone.</summary>
internal sealed class Schedule
{
    // Ticks lie between these two: jitter and zones are added to them, and Cronos throws on the last day that a DateTime knows.
    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch;
    private static readonly DateTimeOffset End = new(9998, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly TimeSpan _period;

    // Day of month and day of week may both be given, and either then matches: two expressions, for one of Cronos wants both to hold.
    private readonly IReadOnlyList<CronExpression> _expressions;
    private readonly bool _isInterval;

    /// <summary>Creates a schedule of expressions, whichever comes first.</summary>
    /// <param name="text">As written.</param>
    /// <param name="zone">Whose clock shows the times.</param>
    /// <param name="expressions">The expressions.</param>
    /// <param name="isInterval">Whether there is a star, a range or a step in second, minute or hour: a time that the clock shows twice then comes twice.</param>
    public Schedule(string text, TimeZoneInfo zone, IReadOnlyList<CronExpression> expressions, bool isInterval)
    {
        (Text, Zone, _expressions, _isInterval) = (text, zone, expressions, isInterval);
    }

    public Schedule(string text, TimeSpan period)
    {
        (Text, Zone, _expressions, _period) = (text, TimeZoneInfo.Utc, [], period);
    }

    /// <summary>The schedule as written, without its zone.</summary>
    public string Text { get; }

    public TimeZoneInfo Zone { get; }

    /// <summary>The first due instant after <paramref name="after"/>, from 1970 to the year 9997; null if there is none.</summary>
    public DateTimeOffset? Next(DateTimeOffset after)
    {
        if (after >= End)
        {
            return null;
        }

        var from = after < Start ? Start : after;
        var next = _period > TimeSpan.Zero ? NextPeriod(from) : NextOccurrence(from);
        return next < End ? next : null;
    }

    /// <summary>The schedule as people and metrics read it: with its zone, unless that is the machine's.</summary>
    public override string ToString() => _period > TimeSpan.Zero || Zone.Id == TimeZoneInfo.Local.Id ? Text : $"{Text} ({Zone.Id})";

    // Counted from a fixed instant, so that all replicas, before and after any restart, agree.
    private DateTimeOffset? NextPeriod(DateTimeOffset after)
    {
        if (_period > End - Start)
        {
            return null;
        }

        var since = after.UtcTicks - Start.Ticks;
        var next = Start.Ticks + (((since / _period.Ticks) + 1) * _period.Ticks);
        return next < End.Ticks ? new DateTimeOffset(next, TimeSpan.Zero) : null;
    }

    private DateTimeOffset? NextOccurrence(DateTimeOffset after)
    {
        var clock = WallClock.Of(Zone);
        var first = _expressions.Select(expression => clock.Next(expression, _isInterval, after.UtcDateTime)).Min();

        // A tick that does not lie ahead would be found again for ever.
        return first is not { } next ? null
            : next > after.UtcDateTime ? new DateTimeOffset(next)
            : throw new InvalidOperationException($"\"{this}\": the tick found after {after:u} is {next:u}");
    }
}
