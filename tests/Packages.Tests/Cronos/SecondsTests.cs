using Cronos;

namespace Connectors.Packages.Tests.Cronos;

/// <summary>Six fields, and starting points that are not whole minutes or seconds.</summary>
public class SecondsTests
{
    [Theory]
    [InlineData("* * * * * *", "2026-11-21 12:00:00", "2026-11-21 12:00:01, 12:00:02")]
    [InlineData("* * * * * *", "2026-12-31 23:59:59", "2027-01-01 00:00:00")]
    [InlineData("0 * * * * *", "2026-11-21 12:00:00", "2026-11-21 12:01:00")]
    [InlineData("20 * * * * *", "2026-11-21 12:00:00", "2026-11-21 12:00:20, 12:01:20")]
    [InlineData("20 * * * * *", "2026-11-21 12:00:20", "2026-11-21 12:01:20")]
    [InlineData("*/25 * * * * *", "2026-11-21 12:00:00", "2026-11-21 12:00:25, 12:00:50, 12:01:00")]
    [InlineData("10-12 * * * * *", "2026-11-21 12:00:11", "2026-11-21 12:00:12, 12:01:10")]
    [InlineData("58-1 * * * * *", "2026-11-21 12:00:57", "2026-11-21 12:00:58, 12:00:59, 12:01:00, 12:01:01, 12:01:58")]
    [InlineData("5,55 59 23 * * *", "2026-11-21 23:59:05", "2026-11-21 23:59:55, 2026-11-22 23:59:05")]
    [InlineData("30 0 0 1 1 *", "2026-11-21", "2027-01-01 00:00:30")]
    [InlineData("0 30 9 L * *", "2026-11-21", "2026-11-30 09:30, 2026-12-31 09:30")]
    [InlineData("15 30 9 LW * *", "2026-11-21", "2026-11-30 09:30:15, 2026-12-31 09:30:15, 2027-01-29 09:30:15")]
    [InlineData("45 5 18 13 * 5", "2026-11-21", "2027-08-13 18:05:45")]
    [InlineData("7/20 0 * * * ?", "2026-11-21 12:00:00", "2026-11-21 12:00:07, 12:00:27, 12:00:47, 13:00:07")]
    [InlineData("59 59 23 31 12 ?", "2026-12-31 23:59:58", "2026-12-31 23:59:59, 2027-12-31 23:59:59")]
    public void Six_fields(string expression, string from, string expected) => Rows.Check(expression, from, expected, CronFormat.IncludeSeconds);

    [Theory]
    [InlineData("* * * * * *", "2026-11-21 12:00:00.0000001", "2026-11-21 12:00:01")]
    [InlineData("* * * * * *", "2026-11-21 12:00:00.9999999", "2026-11-21 12:00:01")]
    [InlineData("0 * * * * *", "2026-11-21 11:59:59.9999999", "2026-11-21 12:00:00")]
    [InlineData("0 * * * * *", "2026-11-21 12:00:00.5", "2026-11-21 12:01:00")]
    [InlineData("0 0 0 1 1 *", "2026-12-31 23:59:59.9999999", "2027-01-01")]
    public void Parts_of_a_second_count(string expression, string from, string expected) => Rows.Check(expression, from, expected, CronFormat.IncludeSeconds);

    [Theory]
    [InlineData("0 12 * * *", "2026-11-21T12:00:00Z", "2026-11-21T12:00:00Z")]
    [InlineData("0 12 * * *", "2026-11-21T12:00:00.0000001Z", "2026-11-22T12:00:00Z")]
    [InlineData("0 12 * * *", "2026-11-21T12:00:01Z", "2026-11-22T12:00:00Z")]
    [InlineData("0 12 * * *", "2026-11-21T11:59:59Z", "2026-11-21T12:00:00Z")]
    [InlineData("* * * * *", "2026-11-21T12:00:59.9999999Z", "2026-11-21T12:01:00Z")]
    public void An_inclusive_start_counts_itself(string expression, string from, string expected)
    {
        var start = DateTimeOffset.Parse(from);
        var cron = CronExpression.Parse(expression);

        Assert.Equal(DateTimeOffset.Parse(expected).UtcDateTime, cron.GetNextOccurrence(start.UtcDateTime, inclusive: true));
        Assert.Equal(DateTimeOffset.Parse(expected), cron.GetNextOccurrence(start, TimeZoneInfo.Utc, inclusive: true));
    }
}
