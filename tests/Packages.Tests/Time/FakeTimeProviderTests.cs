using Microsoft.Extensions.Time.Testing;

namespace Connectors.Packages.Tests.Time;

public class FakeTimeProviderTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    private readonly FakeTimeProvider _clock = new(Noon);

    [Fact]
    public void The_clock_starts_at_the_year_2000_unless_told_otherwise()
    {
        var clock = new FakeTimeProvider();

        Assert.Equal(new DateTimeOffset(2000, 1, 1, 0, 0, 0, TimeSpan.Zero), clock.GetUtcNow());
        Assert.Equal(clock.GetUtcNow(), clock.Start);
        Assert.Equal("2000-01-01T00:00:00.000", clock.ToString());
        Assert.Equal(TimeZoneInfo.Utc, clock.LocalTimeZone);
    }

    [Fact]
    public void Time_moves_only_when_advanced()
    {
        var started = _clock.GetTimestamp();

        _clock.Advance(TimeSpan.FromMinutes(90));

        Assert.Equal(Noon.AddMinutes(90), _clock.GetUtcNow());
        Assert.Equal(TimeSpan.FromMinutes(90), _clock.GetElapsedTime(started));
        Assert.Equal(Noon, _clock.Start);
    }

    [Fact]
    public void Each_reading_advances_by_the_amount_asked_for()
    {
        _clock.AutoAdvanceAmount = TimeSpan.FromSeconds(1);

        Assert.Equal(Noon, _clock.GetUtcNow());
        Assert.Equal(Noon.AddSeconds(1), _clock.GetUtcNow());
        Assert.Equal(Noon.AddSeconds(2).Ticks, _clock.GetTimestamp());
        Assert.Equal(Noon.AddSeconds(3).Ticks, _clock.GetTimestamp());
        Assert.Equal("2026-11-21T12:00:04.000", _clock.ToString());
        Assert.Equal(Noon.AddSeconds(4), _clock.GetUtcNow());
    }

    [Fact]
    public void A_reading_that_advances_fires_timers()
    {
        var fired = 0;
        using var timer = _clock.CreateTimer(_ => fired++, null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
        _clock.AutoAdvanceAmount = TimeSpan.FromSeconds(1);

        _clock.GetUtcNow();

        Assert.Equal(1, fired);
    }

    [Fact]
    public void Going_back_in_time_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>("value", () => _clock.SetUtcNow(Noon.AddTicks(-1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => _clock.Advance(TimeSpan.FromTicks(-1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => _clock.AutoAdvanceAmount = TimeSpan.FromTicks(-1));

        _clock.SetUtcNow(Noon);

        Assert.Equal(Noon, _clock.GetUtcNow());
    }

    [Fact]
    public void The_local_zone_can_be_set()
    {
        _clock.SetLocalTimeZone(TimeZoneInfo.CreateCustomTimeZone("two", TimeSpan.FromHours(2), "two", "two"));

        Assert.Equal(14, _clock.GetLocalNow().Hour);
        Assert.Throws<ArgumentNullException>(() => _clock.SetLocalTimeZone(null!));
    }

    [Fact]
    public async Task Delays_of_the_framework_end_when_the_clock_gets_there()
    {
        var delay = Task.Delay(TimeSpan.FromMinutes(5), _clock, TestContext.Current.CancellationToken);
        using var late = new CancellationTokenSource(TimeSpan.FromMinutes(5).Add(TimeSpan.FromTicks(1)), _clock);
        _clock.Advance(TimeSpan.FromMinutes(5) - TimeSpan.FromTicks(1));
        Assert.False(delay.IsCompleted);

        _clock.Advance(TimeSpan.FromTicks(1));

        await delay;
        Assert.False(late.IsCancellationRequested);
    }
}
