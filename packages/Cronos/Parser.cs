namespace Cronos;

/// <summary>Reads expressions; the grammar is that of Cronos's manual.</summary>
internal static class Parser
{
    private const int MostOfOneWeekdayInAMonth = 5;

    public static Calendar Parse(string expression, CronFormat format)
    {
        var scanner = new Scanner(expression);
        scanner.SkipSpace();
        if (scanner.Accept('@'))
        {
            return Macro(scanner.Rest(), expression);
        }

        var seconds = format == CronFormat.IncludeSeconds ? Separated(Field.Second, scanner) : new Values(Bits.Of(0), false);
        var minutes = Separated(Field.Minute, scanner);
        var hours = Separated(Field.Hour, scanner);
        var daysOfMonth = DaysOfMonthField(scanner);
        Separator(Field.DayOfMonth, scanner);
        var months = Separated(Field.Month, scanner);
        var daysOfWeek = DaysOfWeekField(scanner);
        if (!scanner.SkipSpace() && !scanner.IsAtEnd)
        {
            throw scanner.Unexpected(Field.DayOfWeek);
        }

        if (!scanner.IsAtEnd)
        {
            throw scanner.Unexpected();
        }

        var isInterval = seconds.IsSpread || minutes.IsSpread || hours.IsSpread;
        return new Calendar(seconds.Set, minutes.Set, hours.Set, daysOfMonth, months.Set, daysOfWeek, isInterval);
    }

    private static Calendar Macro(string name, string expression) => name.ToUpperInvariant() switch
    {
        "EVERY_SECOND" => Parse("* * * * * *", CronFormat.IncludeSeconds),
        "EVERY_MINUTE" => Parse("* * * * *", CronFormat.Standard),
        "HOURLY" => Parse("0 * * * *", CronFormat.Standard),
        "DAILY" or "MIDNIGHT" => Parse("0 0 * * *", CronFormat.Standard),
        "WEEKLY" => Parse("0 0 * * 0", CronFormat.Standard),
        "MONTHLY" => Parse("0 0 1 * *", CronFormat.Standard),
        "YEARLY" or "ANNUALLY" => Parse("0 0 1 1 *", CronFormat.Standard),
        _ => throw new CronFormatException($"\"{expression}\": unknown macro."),
    };

    private static Values Separated(Field field, Scanner scanner)
    {
        var values = Star(field, scanner) ?? ListFrom(scanner.Value(field), field, scanner);
        Separator(field, scanner);
        return values;
    }

    private static void Separator(Field before, Scanner scanner)
    {
        if (!scanner.SkipSpace())
        {
            throw scanner.Unexpected(before);
        }
    }

    private static DaysOfMonth DaysOfMonthField(Scanner scanner)
    {
        var field = Field.DayOfMonth;
        if (Star(field, scanner) is { } all)
        {
            return new DaysOfMonth(all.Set, null, false);
        }

        if (scanner.Accept('L'))
        {
            var before = scanner.Accept('-') ? scanner.Number(field, 0, field.Last - 1) : 0;
            return new DaysOfMonth(field.All, before, scanner.Accept('W'));
        }

        var day = scanner.Value(field);
        return scanner.Accept('W') ? new DaysOfMonth(Bits.Of(day), null, true) : new DaysOfMonth(ListFrom(day, field, scanner).Set, null, false);
    }

    private static DaysOfWeek DaysOfWeekField(Scanner scanner)
    {
        var field = Field.DayOfWeek;
        if (Star(field, scanner) is { } all)
        {
            return new DaysOfWeek(DaysOfWeek.WithBothSundays(all.Set), null, false);
        }

        var day = scanner.Value(field);
        if (scanner.Accept('L'))
        {
            return new DaysOfWeek(DaysOfWeek.WithBothSundays(Bits.Of(day)), null, true);
        }

        return scanner.Accept('#')
            ? new DaysOfWeek(DaysOfWeek.WithBothSundays(Bits.Of(day)), scanner.Number(field, 1, MostOfOneWeekdayInAMonth), false)
            : new DaysOfWeek(DaysOfWeek.WithBothSundays(ListFrom(day, field, scanner).Set), null, false);
    }

    /// <summary>A star or a question mark, and a step perhaps; null if neither comes next.</summary>
    private static Values? Star(Field field, Scanner scanner)
    {
        if (!scanner.Accept('*') && !scanner.Accept('?'))
        {
            return null;
        }

        return new Values(scanner.Accept('/') ? field.Between(field.First, field.Last, Step(field, scanner)) : field.All, true);
    }

    private static Values ListFrom(int first, Field field, Scanner scanner)
    {
        var values = RangeFrom(first, field, scanner);
        while (scanner.Accept(','))
        {
            var more = RangeFrom(scanner.Value(field), field, scanner);
            values = new Values(values.Set | more.Set, values.IsSpread || more.IsSpread);
        }

        return values;
    }

    private static Values RangeFrom(int low, Field field, Scanner scanner)
    {
        if (scanner.Accept('-'))
        {
            var high = scanner.Value(field);
            return new Values(field.Between(low, high, scanner.Accept('/') ? Step(field, scanner) : 1), true);
        }

        return scanner.Accept('/') ? new Values(field.Between(low, field.Last, Step(field, scanner)), true) : new Values(Bits.Of(low), false);
    }

    private static int Step(Field field, Scanner scanner) => scanner.Number(field, 1, field.Last);

    /// <summary>A field's values, and whether they were written with a star, a range or a step.</summary>
    private readonly record struct Values(ulong Set, bool IsSpread);
}
