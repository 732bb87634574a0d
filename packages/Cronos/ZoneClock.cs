namespace Cronos;

/// <summary>A zone's clock, read both ways. Asks only for offsets at instants, so that changes of the base offset count like those of summer time.</summary>
internal sealed class ZoneClock(TimeZoneInfo zone)
{
    // Offsets reach from -14 h to +14 h, and no zone changes twice within two days.
    private static readonly TimeSpan Around = TimeSpan.FromDays(1);

    public TimeSpan OffsetAt(DateTime utc) => zone.GetUtcOffset(DateTime.SpecifyKind(utc, DateTimeKind.Utc));

    public DateTime ToLocal(DateTime utc) => DateTime.SpecifyKind(Shift(utc, OffsetAt(utc)), DateTimeKind.Unspecified);

    /// <summary>The stretch of local time around <paramref name="local"/> that comes twice, if that time does.</summary>
    public Overlap? OverlapAt(DateTime local)
    {
        var (before, after) = OffsetsAround(local);
        if (before <= after || !IsShown(local, before) || !IsShown(local, after))
        {
            return null;
        }

        var change = ChangeAt(local, before, after);
        return new Overlap(change + after, change + before, before, after);
    }

    /// <summary>When the clock shows <paramref name="local"/>: the first time if it does twice, the moment of the change if it never does.</summary>
    public DateTime ToUtc(DateTime local)
    {
        var (before, after) = OffsetsAround(local);
        var utc = IsShown(local, before) ? Shift(local, -before)
            : IsShown(local, after) ? Shift(local, -after)
            : ChangeAt(local, before, after);
        return DateTime.SpecifyKind(utc, DateTimeKind.Utc);
    }

    private (TimeSpan Before, TimeSpan After) OffsetsAround(DateTime local) => (OffsetAt(Shift(local, -Around)), OffsetAt(Shift(local, Around)));

    private bool IsShown(DateTime local, TimeSpan offset) => OffsetAt(Shift(local, -offset)) == offset;

    /// <summary>The instant of the change next to a time that comes twice or never: the last instant before it has the one offset, the first after it the other.</summary>
    private DateTime ChangeAt(DateTime local, TimeSpan before, TimeSpan after)
    {
        var (low, high) = before < after ? (local - after, local - before) : (local - before, local - after);
        while (high - low > TimeSpan.FromSeconds(1))
        {
            var middle = low + TimeSpan.FromSeconds(Math.Floor((high - low).TotalSeconds / 2));
            (low, high) = OffsetAt(middle) == before ? (middle, high) : (low, middle);
        }

        return high;
    }

    private static DateTime Shift(DateTime time, TimeSpan by) =>
        new(Math.Clamp(time.Ticks + by.Ticks, DateTime.MinValue.Ticks, DateTime.MaxValue.Ticks), time.Kind);

    /// <summary>Local time from <paramref name="Start"/> up to, not including, <paramref name="End"/> is shown twice: with the early offset, then with the late one.</summary>
    public readonly record struct Overlap(DateTime Start, DateTime End, TimeSpan Early, TimeSpan Late);
}
