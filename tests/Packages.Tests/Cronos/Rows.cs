using System.Globalization;
using Cronos;

namespace Connectors.Packages.Tests.Cronos;

/// <summary>One row of the tables: an expression, a time to start from, and the occurrences that follow it one after the other.</summary>
internal static class Rows
{
    /// <summary>Times are separated by commas; one without a date has the date of the one before it.</summary>
    public static void Check(string expression, string from, string expected, CronFormat format = CronFormat.Standard)
    {
        var cron = CronExpression.Parse(expression, format);
        var expectedTimes = Parse(expected, "+00:00").Select(time => (DateTime?)time.UtcDateTime).ToList();

        Assert.Equal(expectedTimes, Following(Parse(from, "+00:00")[0].UtcDateTime, expectedTimes.Count, time => cron.GetNextOccurrence(time)));
    }

    /// <summary>As <see cref="Check"/>, but every time carries its offset, which counts too.</summary>
    public static void CheckIn(string zone, string expression, string from, string expected, CronFormat format = CronFormat.Standard)
    {
        var cron = CronExpression.Parse(expression, format);
        var place = TimeZoneInfo.FindSystemTimeZoneById(zone);
        var start = Parse(from, "")[0];
        var expectedTimes = Parse(expected, "");

        var found = Following(start, expectedTimes.Count, time => cron.GetNextOccurrence(time, place));
        Assert.Equal(expectedTimes.Select(Text), found.Select(time => time is { } at ? Text(at) : "none"));
        Assert.Equal(
            expectedTimes.Select(time => (DateTime?)time.UtcDateTime),
            Following(start.UtcDateTime, expectedTimes.Count, time => cron.GetNextOccurrence(time, place)));
    }

    private static List<T?> Following<T>(T from, int count, Func<T, T?> next)
        where T : struct
    {
        var found = new List<T?>();
        for (T? at = from; found.Count < count && at is { } time;)
        {
            at = next(time);
            found.Add(at);
        }

        return found;
    }

    private static string Text(DateTimeOffset time) => time.ToString("yyyy-MM-dd HH:mm:ss zzz", CultureInfo.InvariantCulture);

    private static List<DateTimeOffset> Parse(string text, string offset)
    {
        var times = new List<DateTimeOffset>();
        foreach (var item in text.Split(", "))
        {
            var full = item[2] == ':' ? $"{times[^1]:yyyy-MM-dd} {item}" : item;
            times.Add(DateTimeOffset.Parse($"{full} {offset}", CultureInfo.InvariantCulture));
        }

        return times;
    }
}
