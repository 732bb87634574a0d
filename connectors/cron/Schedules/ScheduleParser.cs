using System.Globalization;
using Connectors.Sdk.Hosting;
using Cronos;

namespace Connectors.Cron.Schedules;

/// <summary>
/// Reads the annotation <c>schedule</c> as OpenFaaS's cron-connector does: 5 or 6 fields (seconds first), <c>@hourly</c> and its like, <c>@every 1m30s</c>, each with
/// an optional <c>CRON_TZ=Zone</c> or <c>TZ=Zone</c> before it; several with <c>;</c> between them.
/// </summary>
internal static class ScheduleParser
{
    private const string Every = "@every ";

    // Each is a metric's label and a cursor; nobody writes so many, or so long ones, by hand.
    private const int MaxSchedules = 100;
    private const int MaxLength = 1_000;

    // Of seconds, minutes, hours, days, months, days of the week, as OpenFaaS has them; Cronos takes 7 for Sunday, too.
    private static readonly (int First, int Last)[] Ranges = [(0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6)];

    private static readonly string[] ZonePrefixes = ["CRON_TZ=", "TZ="];
    private static readonly string[] Intervals = ["@hourly", "@every_minute", "@every_second"];

    /// <summary>Reads all schedules of an annotation, each once.</summary>
    /// <param name="annotation">The annotation.</param>
    /// <param name="zone">The zone of schedules that name none.</param>
    /// <exception cref="BadScheduleException">One of them is none.</exception>
    public static IReadOnlyList<Schedule> Parse(string annotation, TimeZoneInfo zone)
    {
        var texts = annotation.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return texts.Length switch
        {
            0 => throw new BadScheduleException(BadSchedule.Empty, "the schedule is empty"),
            > MaxSchedules => throw new BadScheduleException(BadSchedule.Size, $"there are {texts.Length} schedules; {MaxSchedules} are allowed"),
            _ => [.. texts.Select(text => ParseOne(text, zone)).DistinctBy(s => (s.Text, s.Zone.Id))],
        };
    }

    /// <summary>The zone of that name.</summary>
    /// <exception cref="BadScheduleException">There is none.</exception>
    public static TimeZoneInfo Zone(string name) =>
        TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone) ? zone : throw new BadScheduleException(BadSchedule.Zone, $"{BadScheduleException.Quote(name)} is not a time zone");

    private static Schedule ParseOne(string text, TimeZoneInfo zone)
    {
        if (text.Length > MaxLength)
        {
            throw new BadScheduleException(BadSchedule.Size, $"{BadScheduleException.Quote(text)} has {text.Length} characters; {MaxLength} are allowed");
        }

        if (ZonePrefixes.FirstOrDefault(p => text.StartsWith(p, StringComparison.Ordinal)) is { } prefix)
        {
            var space = text.AsSpan().IndexOfAny(" \t\r\n");
            var name = space < 0 ? text[prefix.Length..] : text[prefix.Length..space];
            zone = Zone(name);
            text = space < 0 ? "" : text[space..].Trim();
        }

        var schedule = text.StartsWith(Every, StringComparison.OrdinalIgnoreCase) ? Periodic(text) : Calendar(text, zone);
        return schedule.Next(DateTimeOffset.UnixEpoch) is null ? throw new BadScheduleException(BadSchedule.Never, $"{BadScheduleException.Quote(text)} never comes") : schedule;
    }

    private static Schedule Periodic(string text)
    {
        if (!GoDuration.TryParse(text[Every.Length..], out var period) || period < TimeSpan.FromSeconds(1))
        {
            throw new BadScheduleException(BadSchedule.Every, $"{BadScheduleException.Quote(text)}: a period such as 90s or 1h30m, at least 1s, is wanted");
        }

        var schedule = new Schedule(text, TimeSpan.FromTicks(period.Ticks - (period.Ticks % TimeSpan.TicksPerSecond)));
        return schedule.Next(DateTimeOffset.UnixEpoch) is not null
            ? schedule
            : throw new BadScheduleException(BadSchedule.Every, $"{BadScheduleException.Quote(text)}: the period is longer than the calendar, which ends with the year 9997");
    }

    private static Schedule Calendar(string text, TimeZoneInfo zone)
    {
        var fields = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (!text.StartsWith('@') && fields.Length is not (5 or 6))
        {
            throw new BadScheduleException(BadSchedule.Syntax, $"{BadScheduleException.Quote(text)} has {fields.Length} fields; 5 are wanted, or 6 with seconds first");
        }

        try
        {
            return text.StartsWith('@')
                ? new Schedule(text, zone, [CronExpression.Parse(text)], isInterval: Intervals.Contains(text, StringComparer.OrdinalIgnoreCase))
                : new Schedule(text, zone, Expressions(fields), isInterval: fields[..^3].Any(f => f.AsSpan().ContainsAny("*?-/")));
        }
        catch (Exception fault)
        {
            // Cronos has a format exception, and others of which it says nothing: one for each H, which asks for a seed.
            throw new BadScheduleException(BadSchedule.Syntax, $"{BadScheduleException.Quote(text)}: {fault.Message}");
        }
    }

    private static IReadOnlyList<CronExpression> Expressions(string[] fields)
    {
        string[] read = [.. fields.Select((field, i) => WithinField(field, Ranges[i + Ranges.Length - fields.Length]))];
        var (month, week) = (fields.Length - 3, fields.Length - 1);
        return IsRestricted(fields[month]) && IsRestricted(fields[week]) ? [Read(With(month, "*")), Read(With(week, "*"))] : [Read(read)];

        string[] With(int index, string field) => [.. read[..index], field, .. read[(index + 1)..]];
    }

    // As OpenFaaS has it, an empty part of a list is none.
    private static string WithinField(string field, (int First, int Last) range) =>
        field.Split(',', StringSplitOptions.RemoveEmptyEntries) is { Length: > 0 } parts ? string.Join(',', parts.Select(part => WithinPart(part, range))) : field;

    // As OpenFaaS has it, a star, or ? in its place, may stand in any list; N/step goes on to the field's last value, which is Saturday in the week (Cronos goes on
    // to 7, another Sunday); and a step beyond its field leaves the first value: */90 in minutes is 0.
    private static string WithinPart(string part, (int First, int Last) range)
    {
        var pieces = part.Split('/');
        var values = IsAny(pieces[0]) ? $"{range.First}-{range.Last}" : pieces[0];
        return pieces switch
        {
            [_] => values,
            [_, var step] when Number(step) > range.Last => values.Split('-')[0],
            [_, var step] when values.Contains('-') || Number(values) > range.Last => $"{values}/{step}",
            [_, var step] => $"{values}-{range.Last}/{step}",
            _ => part,
        };
    }

    // As OpenFaaS has it, a step makes a restriction even of a star: */2 does, */1 does not.
    private static bool IsRestricted(string field) => !field.Split(',').Any(part => part.Split('/') is [var values, .. var steps] && IsAny(values) && steps.All(step => Number(step) == 1));

    private static bool IsAny(string values) => values is "*" or "?";

    private static int? Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static CronExpression Read(string[] fields) =>
        CronExpression.Parse(string.Join(' ', fields), fields.Length == 6 ? CronFormat.IncludeSeconds : CronFormat.Standard);
}
