using System.Globalization;
using Connectors.Cron.Schedules;

namespace Connectors.Cron.Tests.Schedules;

public class DueTicksTests
{
    private static readonly TickPolicy Policy = new()
    {
        Zone = TimeZoneInfo.Utc,
        Asynchronous = true,
        CatchUp = CatchUp.None,
        CatchUpWindow = TimeSpan.FromHours(1),
        MisfireThreshold = TimeSpan.FromSeconds(10),
        Jitter = TimeSpan.Zero,
        Overlap = Overlap.Allow,
    };

    [Theory]
    // Each minute, five of them missed: 12:00:30 is half a minute after the last of them.
    [InlineData("None", "11:55:00", "12:00:30", "", 5, "12:01:00")]
    [InlineData("Last", "11:55:00", "12:00:30", "12:00:00", 4, "12:01:00")]
    [InlineData("All", "11:55:00", "12:00:30", "11:56:00 11:57:00 11:58:00 11:59:00 12:00:00", 0, "12:01:00")]
    // Five seconds after the last of them it is late, not missed.
    [InlineData("None", "11:55:00", "12:00:05", "12:00:00", 4, "12:01:00")]
    [InlineData("Last", "11:55:00", "12:00:05", "11:59:00 12:00:00", 3, "12:01:00")]
    [InlineData("All", "11:55:00", "12:00:05", "11:56:00 11:57:00 11:58:00 11:59:00 12:00:00", 0, "12:01:00")]
    // On time, just before, and with nothing due since.
    [InlineData("None", "11:59:00", "12:00:00", "12:00:00", 0, "12:01:00")]
    [InlineData("None", "11:59:00", "11:59:59", "", 0, "12:00:00")]
    [InlineData("All", "12:00:00", "12:00:30", "", 0, "12:01:00")]
    // The threshold itself is still late.
    [InlineData("None", "11:59:00", "12:00:10", "12:00:00", 0, "12:01:00")]
    [InlineData("None", "11:59:00", "12:00:11", "", 1, "12:01:00")]
    // A cursor ahead of the clock: nothing is due until then.
    [InlineData("All", "13:00:00", "12:00:00", "", 0, "13:01:00")]
    public void Catching_up_each_minute(string catchUp, string last, string now, string fire, int missed, string next)
    {
        var due = DueTicks.Find(Every("* * * * *"), At(last), At(now), Policy with { CatchUp = Enum.Parse<CatchUp>(catchUp) }, _ => false);

        Assert.Equal(fire, string.Join(' ', due.Fire.Select(t => t.ToString("HH:mm:ss"))));
        Assert.Equal(missed, due.Missed);
        Assert.Equal(At(next), due.Next);
    }

    [Theory]
    [InlineData("None")]
    [InlineData("Last")]
    [InlineData("All")]
    public void What_is_asked_again_is_answered_as_if_it_were_found_now(string catchUp)
    {
        var (schedule, policy) = (Every("*/7 * * * * *"), Policy with { CatchUp = Enum.Parse<CatchUp>(catchUp), CatchUpWindow = TimeSpan.FromMinutes(2) });
        var ticks = DueTicks.Find(schedule, At("11:55:00"), At("12:00:00"), policy with { CatchUp = CatchUp.All, CatchUpWindow = TimeSpan.FromHours(1) }, _ => false).Fire;
        for (var now = At("12:00:00"); now < At("12:04:00"); now = now.AddSeconds(1))
        {
            // What has become due since is not among those that waited.
            var found = DueTicks.Find(schedule, At("11:55:00"), now, policy, _ => false).Fire.Where(ticks.Contains);

            Assert.Equal(found, ticks.Where(tick => DueTicks.IsStillToFire(schedule, tick, now, policy)));
        }
    }

    [Theory]
    [InlineData("None", 0, 3)]
    [InlineData("Last", 1, 2)]
    [InlineData("All", 3, 0)]
    public void What_lies_beyond_the_window_is_neither_fired_nor_counted(string catchUp, int fire, int missed)
    {
        // Every 15 minutes for a day, of which the hour before 12:07:30 holds 11:15, 11:30, 11:45 and 12:00; a window of 50 minutes holds three.
        var policy = Policy with { CatchUp = Enum.Parse<CatchUp>(catchUp), CatchUpWindow = TimeSpan.FromMinutes(50) };

        var due = DueTicks.Find(Every("*/15 * * * *"), At("12:00:00").AddDays(-1), At("12:07:30"), policy, _ => false);

        Assert.Equal((fire, missed), (due.Fire.Count, due.Missed));
    }

    [Fact]
    public void A_window_of_nothing_leaves_what_is_late()
    {
        var due = DueTicks.Find(Every("* * * * * *"), At("11:00:00"), At("12:00:00"), Policy with { CatchUp = CatchUp.All, CatchUpWindow = TimeSpan.Zero }, _ => false);

        Assert.Equal(10, due.Fire.Count);
        Assert.Equal(At("12:00:00"), due.Fire[^1]);
    }

    [Fact]
    public void What_was_fired_ahead_of_its_time_is_neither_fired_again_nor_missed()
    {
        var due = DueTicks.Find(Every("* * * * *"), At("11:55:00"), At("12:00:30"), Policy with { CatchUp = CatchUp.Last }, tick => tick >= At("11:58:00") && tick <= At("12:01:00"));

        Assert.Equal(At("11:57:00"), Assert.Single(due.Fire));
        Assert.Equal((1, At("12:01:00")), (due.Missed, due.Next));
    }

    [Fact]
    public void Catching_up_has_a_bound()
    {
        var due = DueTicks.Find(Every("* * * * * *"), At("12:00:00").AddDays(-7), At("12:00:00"), Policy with { CatchUp = CatchUp.All, CatchUpWindow = TimeSpan.FromDays(7) }, _ => false);

        Assert.Equal(10_010, due.Fire.Count, 10.0);
        Assert.Equal(7 * 86_400, due.Fire.Count + due.Missed, 1.0);
    }

    private static Schedule Every(string text) => Assert.Single(ScheduleParser.Parse(text, TimeZoneInfo.Utc));

    private static DateTimeOffset At(string time) => DateTimeOffset.Parse($"2026-01-02T{time}Z", CultureInfo.InvariantCulture);
}
