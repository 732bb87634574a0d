namespace Connectors.Packages.Tests.Cronos;

/// <summary><c>#</c> and <c>L</c> in the day-of-week field, and both day fields together. First days: December 2026 is a Tuesday, January 2027 a Friday,
/// February and March a Monday, April a Thursday, May a Saturday, June a Tuesday, July a Thursday, August a Sunday.</summary>
public class WeekdayTests
{
    [Theory]
    [InlineData("0 0 * * 0", "2026-11-21", "2026-11-22, 2026-11-29")]
    [InlineData("0 0 * * 7", "2026-11-21", "2026-11-22, 2026-11-29")]
    [InlineData("0 0 * * 6", "2026-11-21", "2026-11-28, 2026-12-05")]
    [InlineData("0 9 * * 1", "2026-11-23 09:00", "2026-11-30 09:00")]
    [InlineData("0 0 ? 1 MON", "2026-11-21", "2027-01-04, 2027-01-11, 2027-01-18, 2027-01-25, 2028-01-03")]
    [InlineData("0 0 * * 0-6", "2026-11-21", "2026-11-22, 2026-11-23")]
    public void Days_of_the_week(string expression, string from, string expected) => Rows.Check(expression, from, expected);

    [Theory]
    [InlineData("0 0 * * MON#1", "2026-11-30", "2026-12-07, 2027-01-04, 2027-02-01, 2027-03-01, 2027-04-05")]
    [InlineData("0 0 * * 1#2", "2026-11-30", "2026-12-14, 2027-01-11, 2027-02-08, 2027-03-08")]
    [InlineData("0 0 * * 6#3", "2026-11-21", "2026-12-19, 2027-01-16, 2027-02-20, 2027-03-20")]
    [InlineData("0 0 * * fri#4", "2026-11-30", "2026-12-25, 2027-01-22, 2027-02-26")]
    [InlineData("0 0 * * FRI#5", "2026-11-30", "2027-01-29, 2027-04-30, 2027-07-30, 2027-10-29, 2027-12-31")]
    [InlineData("0 0 * * 0#1", "2026-11-30", "2026-12-06, 2027-01-03, 2027-02-07")]
    [InlineData("0 0 * * 7#1", "2026-11-30", "2026-12-06, 2027-01-03, 2027-02-07")]
    [InlineData("0 0 * * SUN#5", "2026-11-30", "2027-01-31, 2027-05-30, 2027-08-29")]
    [InlineData("0 0 * 2 2#5", "2026-11-30", "2028-02-29, 2056-02-29")]
    [InlineData("0 0 * 11 THU#4", "2026-11-21", "2026-11-26, 2027-11-25, 2028-11-23")]
    [InlineData("30 8 * * 2#1", "2026-12-01 08:00", "2026-12-01 08:30, 2027-01-05 08:30")]
    [InlineData("0 0 ? 1 MON#1", "2026-11-30", "2027-01-04, 2028-01-03")]
    public void The_nth_of_a_weekday(string expression, string from, string expected) => Rows.Check(expression, from, expected);

    [Theory]
    [InlineData("0 0 * * 5L", "2026-11-21", "2026-11-27, 2026-12-25, 2027-01-29, 2027-02-26, 2027-03-26, 2027-04-30")]
    [InlineData("0 0 * * FRIL", "2026-11-27", "2026-12-25")]
    [InlineData("0 0 * * 2l", "2026-11-21", "2026-11-24, 2026-12-29, 2027-01-26, 2027-02-23")]
    [InlineData("0 0 * * 0L", "2026-11-21", "2026-11-29, 2026-12-27, 2027-01-31, 2027-02-28")]
    [InlineData("0 0 * * 7L", "2026-11-21", "2026-11-29, 2026-12-27")]
    [InlineData("0 0 * * SATL", "2026-11-28", "2026-12-26, 2027-01-30")]
    [InlineData("0 0 * 2 TUEL", "2026-11-21", "2027-02-23, 2028-02-29, 2029-02-27")]
    [InlineData("15 10 ? * 1L", "2026-11-30 10:15", "2026-12-28 10:15, 2027-01-25 10:15")]
    [InlineData("* * * * MONL", "2026-11-30 23:58", "2026-11-30 23:59, 2026-12-28 00:00")]
    [InlineData("0 0 * 5 MONL", "2026-11-21", "2027-05-31, 2028-05-29")]
    public void The_last_of_a_weekday(string expression, string from, string expected) => Rows.Check(expression, from, expected);

    [Theory]
    [InlineData("0 0 13 * 5", "2026-11-21", "2027-08-13, 2028-10-13")]
    [InlineData("0 0 1-7 * MON", "2026-11-30", "2026-12-07, 2027-01-04, 2027-02-01")]
    [InlineData("0 0 25-31 12 SUN", "2026-11-21", "2026-12-27, 2027-12-26, 2028-12-31")]
    [InlineData("0 0 15 * SAT,SUN", "2026-11-21", "2027-05-15, 2027-08-15, 2028-01-15")]
    [InlineData("0 0 1 * *", "2026-11-21", "2026-12-01, 2027-01-01")]
    [InlineData("0 0 1 * 0-7", "2026-11-21", "2026-12-01, 2027-01-01")]
    [InlineData("0 0 */2 * 2", "2026-12-01", "2026-12-15, 2026-12-29, 2027-01-05, 2027-01-19")]
    [InlineData("0 0 29 2 2", "2026-11-21", "2028-02-29, 2056-02-29")]
    [InlineData("0 0 L * SUN", "2026-11-21", "2027-01-31, 2027-02-28, 2027-10-31")]
    [InlineData("0 0 L-1 * 1", "2026-11-21", "2027-08-30, 2027-11-29, 2028-02-28")]
    [InlineData("0 0 8-14 * TUE#2", "2026-11-21", "2026-12-08, 2027-01-12")]
    [InlineData("0 0 25 12 FRIL", "2026-11-21", "2026-12-25, 2037-12-25")]
    public void Day_of_month_and_day_of_week_must_both_hold(string expression, string from, string expected) => Rows.Check(expression, from, expected);

    [Theory]
    [InlineData("@yearly", "2026-11-21", "2027-01-01, 2028-01-01")]
    [InlineData("@annually", "2027-01-01", "2028-01-01")]
    [InlineData("@monthly", "2026-11-21", "2026-12-01, 2027-01-01")]
    [InlineData("@weekly", "2026-11-21", "2026-11-22, 2026-11-29")]
    [InlineData("@daily", "2026-11-21", "2026-11-22, 2026-11-23")]
    [InlineData("@midnight", "2026-11-21", "2026-11-22, 2026-11-23")]
    [InlineData("@hourly", "2026-11-21 12:00", "2026-11-21 13:00, 14:00")]
    [InlineData("@every_minute", "2026-11-21 12:00", "2026-11-21 12:01, 12:02")]
    [InlineData("@every_second", "2026-11-21 12:00", "2026-11-21 12:00:01, 12:00:02")]
    [InlineData(" @Daily\t", "2026-11-21", "2026-11-22")]
    public void Macros(string expression, string from, string expected) => Rows.Check(expression, from, expected);
}
