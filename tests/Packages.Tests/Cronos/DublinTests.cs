namespace Connectors.Packages.Tests.Cronos;

/// <summary>Standard time is in summer and winter time runs one hour behind it: what is base and what is shift must not matter.
/// 2026: on 29 March 01:00 +00:00 becomes 02:00 +01:00; on 25 October 02:00 +01:00 becomes 01:00 +00:00.</summary>
public class DublinTests
{
    private const string Zone = "Europe/Dublin";

    [Theory]
    [InlineData("30 1 * * *", "2026-03-28 01:30 +00:00", "2026-03-29 02:00 +01:00, 2026-03-30 01:30 +01:00")]
    [InlineData("*/30 * * * *", "2026-03-29 00:30 +00:00", "2026-03-29 02:00 +01:00, 02:30 +01:00")]
    [InlineData("30 1 * * *", "2026-10-25 00:00 +01:00", "2026-10-25 01:30 +01:00, 2026-10-26 01:30 +00:00")]
    [InlineData("*/30 1 * * *", "2026-10-25 00:00 +01:00", "2026-10-25 01:00 +01:00, 01:30 +01:00, 01:00 +00:00, 01:30 +00:00")]
    [InlineData("0 12 * * *", "2026-10-24 12:00 +01:00", "2026-10-25 12:00 +00:00")]
    public void Winter_time_as_the_exception(string expression, string from, string expected) => Rows.CheckIn(Zone, expression, from, expected);
}
