namespace Cronos;

/// <summary>What one field of an expression may hold.</summary>
/// <param name="Title">Its name in messages.</param>
/// <param name="First">The smallest value.</param>
/// <param name="Last">The largest value.</param>
/// <param name="Names">Names of values, counted from <paramref name="NamesFrom"/>.</param>
/// <param name="NamesFrom">The value of the first name.</param>
internal sealed record Field(string Title, int First, int Last, string[] Names, int NamesFrom)
{
    public static readonly Field Second = new("Seconds", 0, 59, [], 0);
    public static readonly Field Minute = new("Minutes", 0, 59, [], 0);
    public static readonly Field Hour = new("Hours", 0, 23, [], 0);
    public static readonly Field DayOfMonth = new("Days of month", 1, 31, [], 0);

    public static readonly Field Month = new(
        "Months", 1, 12, ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"], 1);

    // Both 0 and 7 are Sunday.
    public static readonly Field DayOfWeek = new("Days of week", 0, 7, ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"], 0);

    public ulong All { get; } = Bits.Range(First, Last);

    /// <summary>Every <paramref name="step"/>th value from one to the other; past the largest value it goes on with the smallest.</summary>
    public ulong Between(int from, int to, int step)
    {
        if (from <= to)
        {
            return Stepped(from, to - from, step, int.MaxValue, 0);
        }

        var (low, high) = this == DayOfWeek ? (from % 7, 6) : (from, Last);
        var values = high - First + 1;
        return Stepped(low, ((to - low) + values) % values, step, high, values);
    }

    public override string ToString() => Title;

    private static ulong Stepped(int from, int distance, int step, int wrapAfter, int values)
    {
        var set = 0UL;
        for (var passed = 0; passed <= distance; passed += step)
        {
            var value = from + passed;
            set |= Bits.Of(value > wrapAfter ? value - values : value);
        }

        return set;
    }
}
