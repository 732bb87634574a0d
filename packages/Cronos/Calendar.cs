namespace Cronos;

/// <summary>The dates and times of an expression on a clock that never changes.</summary>
/// <param name="Seconds">Seconds of the minute.</param>
/// <param name="Minutes">Minutes of the hour.</param>
/// <param name="Hours">Hours of the day.</param>
/// <param name="DaysOfMonth">Days of the month; a date must be one of these and one of <paramref name="DaysOfWeek"/>.</param>
/// <param name="Months">Months of the year.</param>
/// <param name="DaysOfWeek">Days of the week.</param>
/// <param name="IsInterval">Whether second, minute or hour is written with a star, a range or a step: then it is repeated when clocks go back.</param>
internal sealed record Calendar(ulong Seconds, ulong Minutes, ulong Hours, DaysOfMonth DaysOfMonth, ulong Months, DaysOfWeek DaysOfWeek, bool IsInterval)
{
    private TimeSpan Earliest => new(Bits.First(Hours), Bits.First(Minutes), Bits.First(Seconds));

    /// <summary>The first time that is not before <paramref name="start"/>, a whole second; null if none comes before the year 10000.</summary>
    public DateTime? AtOrAfter(DateTime start)
    {
        var (year, month) = (start.Year, start.Month);
        var days = DaysIn(year, month) >> start.Day << start.Day;
        if (Bits.Has(days, start.Day))
        {
            if (TimeAtOrAfter(start.TimeOfDay) is { } time)
            {
                return start.Date + time;
            }

            days ^= Bits.Of(start.Day);
        }

        while (days == 0)
        {
            month = (month % 12) + 1;
            if (month == 1 && ++year > DateTime.MaxValue.Year)
            {
                return null;
            }

            days = DaysIn(year, month);
        }

        return new DateTime(year, month, Bits.First(days)) + Earliest;
    }

    public override string ToString()
    {
        var standard = $"{FieldText.Of(Field.Minute, Minutes)} {FieldText.Of(Field.Hour, Hours)} {DaysOfMonth} {FieldText.Of(Field.Month, Months)} {DaysOfWeek}";
        return Seconds == Bits.Of(0) ? standard : $"{FieldText.Of(Field.Second, Seconds)} {standard}";
    }

    private ulong DaysIn(int year, int month) => Bits.Has(Months, month) ? DaysOfMonth.In(year, month) & DaysOfWeek.In(year, month) : 0;

    private TimeSpan? TimeAtOrAfter(TimeSpan start)
    {
        if (Bits.Has(Hours, start.Hours))
        {
            if (Bits.Has(Minutes, start.Minutes) && Bits.Next(Seconds, start.Seconds) is { } second)
            {
                return new TimeSpan(start.Hours, start.Minutes, second);
            }

            if (Bits.Next(Minutes, start.Minutes + 1) is { } minute)
            {
                return new TimeSpan(start.Hours, minute, Bits.First(Seconds));
            }
        }

        return Bits.Next(Hours, start.Hours + 1) is { } hour ? new TimeSpan(hour, Bits.First(Minutes), Bits.First(Seconds)) : null;
    }
}
