namespace Connectors.Packages.Tests.Cronos;

/// <summary>Clocks change at midnight. 2026: on 8 March 00:00 -05:00 becomes 01:00 -04:00; on 1 November 01:00 -04:00 becomes 00:00 -05:00.</summary>
public class HavanaTests
{
    private const string Zone = "America/Havana";

    [Theory]
    [InlineData("0 0 * * *", "2026-03-07 00:00 -05:00", "2026-03-08 01:00 -04:00, 2026-03-09 00:00 -04:00")]
    [InlineData("59 23 * * *", "2026-03-07 00:00 -05:00", "2026-03-07 23:59 -05:00, 2026-03-08 23:59 -04:00")]
    [InlineData("*/30 * * * *", "2026-03-07 23:30 -05:00", "2026-03-08 01:00 -04:00, 01:30 -04:00")]
    [InlineData("0 0 8 3 *", "2026-01-01 00:00 -05:00", "2026-03-08 01:00 -04:00")]
    [InlineData("0 0 * * *", "2026-10-31 00:00 -04:00", "2026-11-01 00:00 -04:00, 2026-11-02 00:00 -05:00")]
    [InlineData("0 0 1 11 *", "2026-10-31 00:00 -04:00", "2026-11-01 00:00 -04:00, 2027-11-01 00:00 -04:00")]
    [InlineData("*/30 0 * * *", "2026-11-01 00:00 -04:00", "2026-11-01 00:30 -04:00, 00:00 -05:00, 00:30 -05:00, 2026-11-02 00:00 -05:00")]
    public void The_day_itself_begins_late_or_twice(string expression, string from, string expected) => Rows.CheckIn(Zone, expression, from, expected);
}
