namespace Connectors.Packages.Tests.Cronos;

/// <summary>Days that not every month has, leap years, and <c>L</c>. 2028 is a leap year, 2027, 2100 and 2200 are not.</summary>
public class MonthEndTests
{
    [Theory]
    [InlineData("0 0 31 * *", "2026-11-21", "2026-12-31, 2027-01-31, 2027-03-31, 2027-05-31, 2027-07-31, 2027-08-31, 2027-10-31, 2027-12-31")]
    [InlineData("0 0 30 * *", "2027-01-30", "2027-03-30, 2027-04-30")]
    [InlineData("0 0 29 * *", "2027-01-29", "2027-03-29")]
    [InlineData("0 0 29 * *", "2028-01-29", "2028-02-29, 2028-03-29")]
    [InlineData("0 0 30,31 4,5 *", "2027-01-01", "2027-04-30, 2027-05-30, 2027-05-31, 2028-04-30")]
    [InlineData("0 0 */15 * *", "2027-02-01", "2027-02-16, 2027-03-01, 2027-03-16, 2027-03-31, 2027-04-01")]
    [InlineData("0 0 29-2 * *", "2027-02-02", "2027-03-01, 2027-03-02, 2027-03-29, 2027-03-30, 2027-03-31, 2027-04-01")]
    [InlineData("59 23 31 12 *", "2026-12-31 23:58", "2026-12-31 23:59, 2027-12-31 23:59")]
    [InlineData("* 0 31 8 *", "2026-11-21", "2027-08-31 00:00, 00:01")]
    public void Months_without_that_day_are_passed_over(string expression, string from, string expected) => Rows.Check(expression, from, expected);

    [Theory]
    [InlineData("0 0 29 2 *", "2026-11-21", "2028-02-29, 2032-02-29, 2036-02-29")]
    [InlineData("0 0 29 FEB *", "2096-02-29", "2104-02-29")]
    [InlineData("0 0 29 2 *", "2196-03-01", "2204-02-29")]
    [InlineData("0 0 29 2 *", "2396-03-01", "2400-02-29, 2404-02-29")]
    [InlineData("0 0 29 2 *", "1999-12-31", "2000-02-29, 2004-02-29")]
    [InlineData("0 0 29 2 1", "2026-11-21", "2044-02-29")]
    [InlineData("0 0 29 2 SUN", "2026-11-21", "2032-02-29, 2060-02-29, 2088-02-29, 2128-02-29")]
    [InlineData("0 0 28 2 *", "2027-02-28", "2028-02-28, 2029-02-28")]
    [InlineData("59 23 28-31 2 *", "2028-02-28 23:59", "2028-02-29 23:59, 2029-02-28 23:59")]
    public void The_29th_of_February(string expression, string from, string expected) => Rows.Check(expression, from, expected);

    [Theory]
    [InlineData("0 0 L * *", "2026-11-21", "2026-11-30, 2026-12-31, 2027-01-31, 2027-02-28, 2027-03-31")]
    [InlineData("0 0 L * *", "2028-01-31", "2028-02-29, 2028-03-31")]
    [InlineData("0 0 l 2 *", "2026-11-21", "2027-02-28, 2028-02-29, 2029-02-28")]
    [InlineData("0 0 L 2 *", "2099-03-01", "2100-02-28")]
    [InlineData("30 12 L 4,6 *", "2027-04-30 12:29", "2027-04-30 12:30, 2027-06-30 12:30, 2028-04-30 12:30")]
    [InlineData("30 12 L 4,6 *", "2027-04-30 12:30", "2027-06-30 12:30")]
    [InlineData("* * L * *", "2026-11-21", "2026-11-30 00:00, 00:01, 00:02")]
    [InlineData("* * L * *", "2026-11-30 23:59", "2026-12-31 00:00")]
    [InlineData("0 0 L 12 *", "2026-12-31", "2027-12-31")]
    [InlineData("0 0 L * FRI", "2026-11-21", "2027-04-30, 2027-12-31, 2028-03-31")]
    public void L_is_the_last_day(string expression, string from, string expected) => Rows.Check(expression, from, expected);

    [Theory]
    [InlineData("0 0 L-0 * *", "2026-11-21", "2026-11-30, 2026-12-31")]
    [InlineData("0 0 L-1 * *", "2026-11-21", "2026-11-29, 2026-12-30, 2027-01-30, 2027-02-27")]
    [InlineData("0 0 L-1 2 *", "2027-03-01", "2028-02-28, 2029-02-27")]
    [InlineData("0 0 L-5 * *", "2026-11-26", "2026-12-26, 2027-01-26, 2027-02-23")]
    [InlineData("0 0 L-27 2 *", "2026-11-21", "2027-02-01, 2028-02-02")]
    [InlineData("0 0 L-28 2 *", "2026-11-21", "2028-02-01, 2032-02-01")]
    [InlineData("0 0 L-29 * *", "2026-12-31", "2027-01-02, 2027-03-02, 2027-04-01, 2027-05-02, 2027-06-01")]
    [InlineData("0 0 L-30 * *", "2026-11-21", "2026-12-01, 2027-01-01, 2027-03-01, 2027-05-01, 2027-07-01")]
    [InlineData("0 0 L-10 6 *", "2026-11-21", "2027-06-20, 2028-06-20")]
    public void L_minus_n_counts_back_from_the_last_day(string expression, string from, string expected) => Rows.Check(expression, from, expected);

    [Theory]
    [InlineData("0 0 30 2 *")]
    [InlineData("0 0 31 2 *")]
    [InlineData("0 0 31 4,6,9,11 *")]
    [InlineData("0 0 30-31 FEB *")]
    [InlineData("0 0 L-29 2 *")]
    [InlineData("0 0 L-30 APR *")]
    [InlineData("0 0 31W 6 *")]
    [InlineData("0 0 1-7 * 1#2")]
    [InlineData("0 0 1-21 * SUNL")]
    [InlineData("0 0 15W * SAT")]
    [InlineData("0 0 28 2 FRI#5")]
    public void What_no_year_has_is_never_found(string expression)
    {
        var cron = global::Cronos.CronExpression.Parse(expression);

        Assert.Null(cron.GetNextOccurrence(new DateTime(2026, 11, 21, 0, 0, 0, DateTimeKind.Utc)));
        Assert.Null(cron.GetNextOccurrence(new DateTime(2026, 11, 21, 0, 0, 0, DateTimeKind.Utc), TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin")));
    }
}
