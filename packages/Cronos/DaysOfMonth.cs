namespace Cronos;

/// <summary>The day-of-month field.</summary>
/// <param name="Days">The days by number.</param>
/// <param name="FromLast">How many days before the last day of the month, in place of <paramref name="Days"/>.</param>
/// <param name="NearestWeekday">The Monday to Friday of the same month that is nearest to that one day.</param>
internal readonly record struct DaysOfMonth(ulong Days, int? FromLast, bool NearestWeekday)
{
    /// <summary>The days that it means in one month.</summary>
    public ulong In(int year, int month)
    {
        var length = DateTime.DaysInMonth(year, month);
        var days = (FromLast is { } before ? Counted(length - before) : Days) & Bits.Range(1, length);
        return NearestWeekday && days != 0 ? Bits.Of(Nearest(year, month, Bits.First(days), length)) : days;
    }

    public override string ToString()
    {
        var days = FromLast switch
        {
            null => FieldText.Of(Field.DayOfMonth, Days),
            0 => "L",
            { } before => $"L-{before}",
        };
        return NearestWeekday ? days + "W" : days;
    }

    private static ulong Counted(int day) => day < 1 ? 0 : Bits.Of(day);

    private static int Nearest(int year, int month, int day, int length) => new DateTime(year, month, day).DayOfWeek switch
    {
        DayOfWeek.Saturday => day == 1 ? 3 : day - 1,
        DayOfWeek.Sunday => day == length ? day - 2 : day + 1,
        _ => day,
    };
}
