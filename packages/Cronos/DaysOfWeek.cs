namespace Cronos;

/// <summary>The day-of-week field.</summary>
/// <param name="Days">The days, Sunday as both 0 and 7.</param>
/// <param name="Nth">Only the nth of them in a month, from 1.</param>
/// <param name="IsLast">Only the last of them in a month.</param>
internal readonly record struct DaysOfWeek(ulong Days, int? Nth, bool IsLast)
{
    private const ulong Sundays = 0b1000_0001;

    public static ulong WithBothSundays(ulong days) => (days & Sundays) == 0 ? days : days | Sundays;

    /// <summary>The days that it means in one month.</summary>
    public ulong In(int year, int month)
    {
        var length = DateTime.DaysInMonth(year, month);
        var week = Days & 0b111_1111;
        var firstIs = (int)new DateTime(year, month, 1).DayOfWeek;
        var fromTheFirst = ((week >> firstIs) | (week << (7 - firstIs))) & 0b111_1111;
        var days = (fromTheFirst << 1) | (fromTheFirst << 8) | (fromTheFirst << 15) | (fromTheFirst << 22) | (fromTheFirst << 29);
        return days & Part(length);
    }

    public override string ToString()
    {
        var days = FieldText.Of(Field.DayOfWeek, Days);
        return IsLast ? days + "L" : Nth is { } nth ? $"{days}#{nth}" : days;
    }

    private ulong Part(int length)
    {
        var (first, last) = IsLast ? (length - 6, length) : Nth is { } nth ? ((nth * 7) - 6, Math.Min(nth * 7, length)) : (1, length);
        return first > last ? 0 : Bits.Range(first, last);
    }
}
