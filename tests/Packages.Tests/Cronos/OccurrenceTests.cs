using Cronos;

namespace Connectors.Packages.Tests.Cronos;

/// <summary>The ways of asking, and what holds of a whole year in zones whose clocks change.</summary>
public class OccurrenceTests
{
    private static readonly TimeZoneInfo Berlin = TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin");
    private static readonly DateTime NewYear = new(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);
    private static readonly CronExpression Hourly = CronExpression.Hourly;

    [Theory]
    [InlineData(DateTimeKind.Local)]
    [InlineData(DateTimeKind.Unspecified)]
    public void A_DateTime_must_be_UTC(DateTimeKind kind)
    {
        var from = DateTime.SpecifyKind(NewYear, kind);

        Assert.Throws<ArgumentException>("fromUtc", () => Hourly.GetNextOccurrence(from));
        Assert.Throws<ArgumentException>("fromUtc", () => Hourly.GetNextOccurrence(from, Berlin));
        Assert.Throws<ArgumentException>("fromUtc", () => Hourly.GetOccurrences(from, NewYear.AddDays(1)).ToList());
        Assert.Throws<ArgumentException>("fromUtc", () => Hourly.GetOccurrences(from, NewYear.AddDays(1), Berlin).ToList());
    }

    [Fact]
    public void A_zone_must_be_given()
    {
        Assert.Throws<ArgumentNullException>("zone", () => Hourly.GetNextOccurrence(NewYear, null!));
        Assert.Throws<ArgumentNullException>("zone", () => Hourly.GetNextOccurrence(new DateTimeOffset(NewYear), null!));
    }

    [Fact]
    public void Answers_are_UTC_or_carry_the_offset_of_the_zone()
    {
        var inUtc = Hourly.GetNextOccurrence(NewYear);
        var inBerlin = Hourly.GetNextOccurrence(NewYear, Berlin);
        var withOffset = Hourly.GetNextOccurrence(new DateTimeOffset(NewYear).ToOffset(TimeSpan.FromHours(-8)), Berlin);
        var withoutOffset = Hourly.GetNextOccurrence(new DateTimeOffset(NewYear).ToOffset(TimeSpan.FromHours(-8)), TimeZoneInfo.Utc);

        Assert.Equal(DateTimeKind.Utc, inUtc!.Value.Kind);
        Assert.Equal(DateTimeKind.Utc, inBerlin!.Value.Kind);
        Assert.Equal(NewYear.AddHours(1), inBerlin);
        Assert.Equal(TimeSpan.FromHours(1), withOffset!.Value.Offset);
        Assert.Equal(NewYear.AddHours(1), withOffset.Value.UtcDateTime);
        Assert.Equal(TimeSpan.Zero, withoutOffset!.Value.Offset);
    }

    [Fact]
    public void A_range_counts_its_start_and_not_its_end_unless_told_otherwise()
    {
        var end = NewYear.AddHours(2);

        Assert.Equal([0, 1], Hourly.GetOccurrences(NewYear, end).Select(time => time.Hour));
        Assert.Equal([0, 1, 2], Hourly.GetOccurrences(NewYear, end, toInclusive: true).Select(time => time.Hour));
        Assert.Equal([1], Hourly.GetOccurrences(NewYear, end, fromInclusive: false).Select(time => time.Hour));
        Assert.Equal([1, 2], Hourly.GetOccurrences(NewYear, end, false, true).Select(time => time.Hour));
        Assert.Equal([1, 2], Hourly.GetOccurrences(new DateTimeOffset(NewYear), new DateTimeOffset(end), Berlin).Select(time => time.Hour));
        Assert.Equal([0, 1], Hourly.GetOccurrences(NewYear, end, Berlin).Select(time => time.Hour));
        Assert.Empty(Hourly.GetOccurrences(NewYear, NewYear));
        Assert.Single(Hourly.GetOccurrences(NewYear, NewYear, toInclusive: true));
    }

    [Fact]
    public void A_range_must_not_end_before_it_starts()
    {
        var (from, to) = (NewYear, NewYear.AddTicks(-1));

        Assert.Throws<ArgumentException>("fromUtc", () => Hourly.GetOccurrences(from, to).ToList());
        Assert.Throws<ArgumentException>("fromUtc", () => Hourly.GetOccurrences(from, to, Berlin).ToList());
        Assert.Throws<ArgumentException>("from", () => Hourly.GetOccurrences(new DateTimeOffset(from), new DateTimeOffset(to), Berlin).ToList());
    }

    [Fact]
    public void A_range_without_occurrences_is_empty() =>
        Assert.Empty(CronExpression.Parse("0 0 30 2 *").GetOccurrences(NewYear, NewYear.AddYears(50)));

    [Fact]
    public void Nothing_comes_after_the_last_day_that_a_DateTime_knows()
    {
        Assert.Null(CronExpression.EverySecond.GetNextOccurrence(DateTime.SpecifyKind(DateTime.MaxValue, DateTimeKind.Utc)));
        Assert.Null(CronExpression.Yearly.GetNextOccurrence(new DateTime(9999, 1, 1, 0, 0, 0, DateTimeKind.Utc)));
        Assert.Equal(new DateTime(1, 1, 1, 1, 0, 0, DateTimeKind.Utc), Hourly.GetNextOccurrence(DateTime.SpecifyKind(DateTime.MinValue, DateTimeKind.Utc)));
    }

    [Theory]
    [InlineData("Europe/Berlin")]
    [InlineData("America/New_York")]
    [InlineData("Australia/Lord_Howe")]
    [InlineData("America/Havana")]
    [InlineData("Asia/Kathmandu")]
    public void A_fixed_time_comes_once_on_each_day_of_the_year_whatever_the_clocks_do(string name)
    {
        var zone = TimeZoneInfo.FindSystemTimeZoneById(name);
        for (var hour = 0; hour < 24; hour++)
        {
            var found = CronExpression.Parse($"45 {hour} * * *")
                .GetOccurrences(new DateTimeOffset(NewYear), new DateTimeOffset(NewYear.AddYears(1)), zone)
                .Select(time => time.Date)
                .ToList();

            Assert.InRange(found.Count, 364, 366);
            Assert.Equal(Enumerable.Range(0, found.Count).Select(day => found[0].AddDays(day)), found);
        }
    }

    [Theory]
    [InlineData("Europe/Berlin")]
    [InlineData("America/New_York")]
    [InlineData("Australia/Lord_Howe")]
    [InlineData("America/Havana")]
    [InlineData("Asia/Kathmandu")]
    public void Each_half_hour_of_the_year_comes_once_whatever_the_clocks_do(string name)
    {
        var zone = TimeZoneInfo.FindSystemTimeZoneById(name);
        var found = CronExpression.Parse("*/30 * * * *").GetOccurrences(NewYear, NewYear.AddYears(1), zone).ToList();

        Assert.Equal(365 * 48, found.Count);
        Assert.All(found.Zip(found.Skip(1)), pair => Assert.Equal(TimeSpan.FromMinutes(30), pair.Second - pair.First));
    }
}
