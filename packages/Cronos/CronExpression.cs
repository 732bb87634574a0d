using System.Diagnostics.CodeAnalysis;

namespace Cronos;

/// <summary>A schedule in cron's notation. It keeps no time of its own: the caller says from when.</summary>
public sealed class CronExpression : IEquatable<CronExpression>
{
    public static readonly CronExpression Yearly = Parse("@yearly");
    public static readonly CronExpression Weekly = Parse("@weekly");
    public static readonly CronExpression Monthly = Parse("@monthly");
    public static readonly CronExpression Daily = Parse("@daily");
    public static readonly CronExpression Hourly = Parse("@hourly");
    public static readonly CronExpression EveryMinute = Parse("@every_minute");
    public static readonly CronExpression EverySecond = Parse("@every_second");

    private readonly Calendar _calendar;

    private CronExpression(Calendar calendar)
    {
        _calendar = calendar;
    }

    public static bool operator ==(CronExpression? left, CronExpression? right) => Equals(left, right);

    public static bool operator !=(CronExpression? left, CronExpression? right) => !Equals(left, right);

    public static CronExpression Parse(string expression) => Parse(expression, CronFormat.Standard);

    public static CronExpression Parse(string expression, CronFormat format)
    {
        ArgumentNullException.ThrowIfNull(expression);
        return new CronExpression(Parser.Parse(expression, format));
    }

    public static bool TryParse(string expression, [MaybeNullWhen(returnValue: false)] out CronExpression cronExpression) =>
        TryParse(expression, CronFormat.Standard, out cronExpression);

    public static bool TryParse(string expression, CronFormat format, [MaybeNullWhen(returnValue: false)] out CronExpression cronExpression)
    {
        try
        {
            cronExpression = Parse(expression, format);
            return true;
        }
        catch (CronFormatException)
        {
            cronExpression = null;
            return false;
        }
    }

    /// <summary>The first occurrence after <paramref name="fromUtc"/>, in UTC; null if there is none.</summary>
    public DateTime? GetNextOccurrence(DateTime fromUtc, bool inclusive = false)
    {
        CheckKind(fromUtc, nameof(fromUtc));
        return Search.Next(_calendar, fromUtc, inclusive);
    }

    /// <summary>The first occurrence after <paramref name="fromUtc"/> on the clock of <paramref name="zone"/>, as UTC; null if there is none.</summary>
    public DateTime? GetNextOccurrence(DateTime fromUtc, TimeZoneInfo zone, bool inclusive = false)
    {
        CheckKind(fromUtc, nameof(fromUtc));
        ArgumentNullException.ThrowIfNull(zone);
        return ReferenceEquals(zone, TimeZoneInfo.Utc)
            ? Search.Next(_calendar, fromUtc, inclusive)
            : Search.Next(_calendar, fromUtc, zone, inclusive);
    }

    /// <summary>The first occurrence after <paramref name="from"/> on the clock of <paramref name="zone"/>, with its offset there; null if there is none.</summary>
    public DateTimeOffset? GetNextOccurrence(DateTimeOffset from, TimeZoneInfo zone, bool inclusive = false) =>
        GetNextOccurrence(from.UtcDateTime, zone, inclusive) is { } found ? TimeZoneInfo.ConvertTime(new DateTimeOffset(found), zone) : null;

    public IEnumerable<DateTime> GetOccurrences(DateTime fromUtc, DateTime toUtc, bool fromInclusive = true, bool toInclusive = false)
    {
        CheckOrder(fromUtc <= toUtc, nameof(fromUtc), nameof(toUtc));
        for (var next = GetNextOccurrence(fromUtc, fromInclusive); next < toUtc || (next == toUtc && toInclusive); next = GetNextOccurrence(next.Value))
        {
            yield return next.Value;
        }
    }

    public IEnumerable<DateTime> GetOccurrences(
        DateTime fromUtc, DateTime toUtc, TimeZoneInfo zone, bool fromInclusive = true, bool toInclusive = false)
    {
        CheckOrder(fromUtc <= toUtc, nameof(fromUtc), nameof(toUtc));
        for (var next = GetNextOccurrence(fromUtc, zone, fromInclusive);
            next < toUtc || (next == toUtc && toInclusive);
            next = GetNextOccurrence(next.Value, zone))
        {
            yield return next.Value;
        }
    }

    public IEnumerable<DateTimeOffset> GetOccurrences(
        DateTimeOffset from, DateTimeOffset to, TimeZoneInfo zone, bool fromInclusive = true, bool toInclusive = false)
    {
        CheckOrder(from <= to, nameof(from), nameof(to));
        for (var next = GetNextOccurrence(from, zone, fromInclusive); next < to || (next == to && toInclusive); next = GetNextOccurrence(next.Value, zone))
        {
            yield return next.Value;
        }
    }

    /// <summary>The expression with names, ranges and steps written out as lists; seconds only where they are not just 0.</summary>
    public override string ToString() => _calendar.ToString();

    public bool Equals(CronExpression? other) => other is not null && _calendar == other._calendar;

    public override bool Equals(object? obj) => Equals(obj as CronExpression);

    public override int GetHashCode() => _calendar.GetHashCode();

    private static void CheckKind(DateTime time, string name)
    {
        if (time.Kind != DateTimeKind.Utc)
        {
            throw new ArgumentException("The DateTime must be of kind Utc.", name);
        }
    }

    private static void CheckOrder(bool isOrdered, string from, string to)
    {
        if (!isOrdered)
        {
            throw new ArgumentException($"{from} must not be after {to}.", from);
        }
    }
}
