namespace Connectors.Packages.Tests.Cronos;

/// <summary><c>W</c>: the Monday to Friday nearest to a day, in the same month. First days: January 2027 is a Friday, February and March a Monday,
/// April a Thursday, May a Saturday, June a Tuesday, July a Thursday, August a Sunday, September a Wednesday, October a Friday, November a Monday.</summary>
public class NearestWeekdayTests
{
    [Theory]
    [InlineData("0 0 15W 1 *", "2027-01-01", "2027-01-15")]
    [InlineData("0 0 16W 1 *", "2027-01-01", "2027-01-15")]
    [InlineData("0 0 17W 1 *", "2027-01-01", "2027-01-18")]
    [InlineData("0 0 18W 1 *", "2027-01-01", "2027-01-18")]
    [InlineData("0 0 15w * *", "2027-01-01", "2027-01-15, 2027-02-15, 2027-03-15, 2027-04-15, 2027-05-14, 2027-06-15, 2027-07-15, 2027-08-16")]
    [InlineData("0 0 3W * *", "2026-12-31", "2027-01-04, 2027-02-03, 2027-03-03, 2027-04-02, 2027-05-03, 2027-06-03")]
    [InlineData("0 0 13W 6-8 *", "2027-01-01", "2027-06-14, 2027-07-13, 2027-08-13")]
    public void A_weekend_day_moves_to_the_nearest_weekday(string expression, string from, string expected) => Rows.Check(expression, from, expected);

    [Theory]
    [InlineData("0 0 1W * *", "2026-12-31", "2027-01-01, 2027-02-01, 2027-03-01, 2027-04-01, 2027-05-03, 2027-06-01, 2027-07-01, 2027-08-02")]
    [InlineData("0 0 1W 5 *", "2027-05-01", "2027-05-03")]
    [InlineData("0 0 1W 5 *", "2027-05-03", "2028-05-01")]
    [InlineData("0 0 1W 1 *", "2027-01-01", "2028-01-03")]
    [InlineData("0 0 2W 5 *", "2027-05-01", "2027-05-03")]
    [InlineData("0 0 2W 8 *", "2027-05-01", "2027-08-02")]
    [InlineData("0 0 31W * *", "2027-01-01", "2027-01-29, 2027-03-31, 2027-05-31, 2027-07-30, 2027-08-31, 2027-10-29, 2027-12-31")]
    [InlineData("0 0 30W 1,5 *", "2027-01-01", "2027-01-29, 2027-05-31")]
    [InlineData("0 0 28W 2 *", "2027-01-01", "2027-02-26, 2028-02-28")]
    [InlineData("0 0 29W 2 *", "2027-01-01", "2028-02-29, 2032-02-27")]
    public void It_never_leaves_the_month(string expression, string from, string expected) => Rows.Check(expression, from, expected);

    [Theory]
    [InlineData("0 0 16W 1 *", "2027-01-15", "2028-01-17")]
    [InlineData("0 12 16W 1 *", "2027-01-15 11:59", "2027-01-15 12:00")]
    [InlineData("0 12 16W 1 *", "2027-01-15 12:00", "2028-01-17 12:00")]
    [InlineData("0 0 17W 1 *", "2027-01-17 12:00", "2027-01-18")]
    [InlineData("0 12 1W 5 *", "2027-05-02", "2027-05-03 12:00")]
    [InlineData("*/30 9 16W 1 *", "2027-01-15 09:00", "2027-01-15 09:30, 2028-01-17 09:00")]
    [InlineData("0 0 1W * MON", "2026-12-31", "2027-02-01, 2027-03-01, 2027-05-03, 2027-08-02, 2027-11-01")]
    public void The_start_may_lie_between_the_day_and_its_weekday(string expression, string from, string expected) => Rows.Check(expression, from, expected);

    [Theory]
    [InlineData("0 0 LW * *", "2026-12-31", "2027-01-29, 2027-02-26, 2027-03-31, 2027-04-30, 2027-05-31, 2027-06-30, 2027-07-30, 2027-08-31")]
    [InlineData("0 0 lw 2 *", "2027-03-01", "2028-02-29, 2029-02-28, 2030-02-28, 2031-02-28, 2032-02-27")]
    [InlineData("0 0 L-1W * *", "2026-12-31", "2027-01-29, 2027-02-26, 2027-03-30, 2027-04-29, 2027-05-31, 2027-06-29")]
    [InlineData("0 0 L-2W 1-3 *", "2026-12-31", "2027-01-29, 2027-02-26, 2027-03-29")]
    [InlineData("0 0 L-5W 1-6 *", "2026-12-31", "2027-01-26, 2027-02-23, 2027-03-26, 2027-04-26, 2027-05-26, 2027-06-25")]
    [InlineData("0 0 L-30W 1,5,8 *", "2026-12-31", "2027-01-01, 2027-05-03, 2027-08-02")]
    [InlineData("0 0 L-27W 2 *", "2026-12-31", "2027-02-01, 2028-02-02")]
    [InlineData("30 17 LW * FRI", "2026-12-31", "2027-01-29 17:30, 2027-02-26 17:30, 2027-04-30 17:30, 2027-07-30 17:30, 2027-10-29 17:30, 2027-12-31 17:30")]
    public void LW_is_the_last_weekday(string expression, string from, string expected) => Rows.Check(expression, from, expected);
}
