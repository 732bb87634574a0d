namespace Cronos;

/// <summary>Finds the instants of an expression. Where clocks change: a time that is skipped comes at the change; one that is shown twice comes
/// twice for an interval expression, else the first time only.</summary>
internal static class Search
{
    public static DateTime? Next(Calendar calendar, DateTime fromUtc, bool inclusive) =>
        FirstSecond(fromUtc, inclusive) is { } start && calendar.AtOrAfter(start) is { } found ? DateTime.SpecifyKind(found, DateTimeKind.Utc) : null;

    public static DateTime? Next(Calendar calendar, DateTime fromUtc, TimeZoneInfo zone, bool inclusive)
    {
        var clock = new ZoneClock(zone);
        var local = clock.ToLocal(fromUtc);
        if (FirstSecond(local, inclusive) is not { } start)
        {
            return null;
        }

        if (clock.OverlapAt(local) is { } overlap)
        {
            if (clock.OffsetAt(fromUtc) == overlap.Early)
            {
                if (calendar.AtOrAfter(start) is { } first && first < overlap.End)
                {
                    return Utc(first - overlap.Early);
                }

                start = overlap.Start;
            }

            if (calendar.IsInterval && calendar.AtOrAfter(start) is { } again && again < overlap.End)
            {
                return Utc(again - overlap.Late);
            }

            start = overlap.End;
        }

        return calendar.AtOrAfter(start) is { } found ? clock.ToUtc(found) : null;
    }

    /// <summary>The first whole second that counts. Local time is advanced, not the instant: the skipped hour begins right after the last second before it.</summary>
    private static DateTime? FirstSecond(DateTime from, bool inclusive)
    {
        var part = from.Ticks % TimeSpan.TicksPerSecond;
        if (part == 0 && inclusive)
        {
            return from;
        }

        var whole = from.Ticks - part;
        return whole > DateTime.MaxValue.Ticks - TimeSpan.TicksPerSecond ? null : new DateTime(whole + TimeSpan.TicksPerSecond, from.Kind);
    }

    private static DateTime Utc(DateTime time) => DateTime.SpecifyKind(time, DateTimeKind.Utc);
}
