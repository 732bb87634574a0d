using Connectors.Sdk.Hosting;

namespace Connectors.Sdk.Tests.Hosting;

public class GoDurationTests
{
    [Theory]
    [InlineData("10s", 10_000)]
    [InlineData("1m30s", 90_000)]
    [InlineData("1h", 3_600_000)]
    [InlineData("1h2m3s4ms", 3_723_004)]
    [InlineData("500ms", 500)]
    [InlineData("1.5s", 1_500)]
    [InlineData("4.35s", 4_350)]
    [InlineData(".5s", 500)]
    [InlineData("0", 0)]
    [InlineData("0s", 0)]
    [InlineData("30", 30_000)]
    [InlineData(" 30 ", 30_000)]
    [InlineData("2m0.5s", 120_500)]
    public void Reads_go_text_and_whole_seconds(string text, long milliseconds)
    {
        Assert.True(GoDuration.TryParse(text, out var duration));
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), duration);
    }

    [Theory]
    [InlineData("1us", 10)]
    [InlineData("1µs", 10)]
    [InlineData("100ns", 1)]
    public void Reads_units_below_a_millisecond(string text, long ticks)
    {
        Assert.True(GoDuration.TryParse(text, out var duration));
        Assert.Equal(ticks, duration.Ticks);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("-1s")]
    [InlineData("-5")]
    [InlineData("5 s")]
    [InlineData("s")]
    [InlineData("1.5")]
    [InlineData("1d")]
    [InlineData("1h2")]
    [InlineData("1..5s")]
    [InlineData(".s")]
    [InlineData("1e3s")]
    [InlineData("1S")]
    [InlineData("99999999999999999999")]
    [InlineData("9223372036854775807")]
    [InlineData("999999999999h")]
    [InlineData("NaN")]
    public void Refuses_everything_else(string? text) => Assert.False(GoDuration.TryParse(text, out _));

    [Theory]
    [InlineData("1080h", null, null, true)]
    [InlineData("1080h1s", null, null, false)]
    [InlineData("2000h", null, null, false)]
    [InlineData("2000h", 0, 100_000, false)]
    [InlineData("9s", 10, 20, false)]
    [InlineData("20s", 10, 20, true)]
    [InlineData("21s", 10, 20, false)]
    [InlineData("soon", null, null, false)]
    public void What_is_waited_for_has_bounds_that_the_refusal_names(string text, int? minSeconds, int? maxHours, bool isAllowed)
    {
        var (min, max) = (Seconds(minSeconds), minSeconds > 0 ? Seconds(maxHours) : maxHours * TimeSpan.FromHours(1));

        Assert.Equal(isAllowed, GoDuration.TryParse(text, out var duration, out var allowed, min, max));

        Assert.Equal(isAllowed, duration > TimeSpan.Zero);
        Assert.Equal($"a duration such as 10s, 1m30s or 30 (seconds), from {minSeconds ?? 0}s to {(minSeconds > 0 ? $"{maxHours}s" : "1080h")}", allowed);

        static TimeSpan? Seconds(int? count) => count is { } some ? TimeSpan.FromSeconds(some) : null;
    }

    [Fact]
    public async Task Every_timer_takes_the_longest_duration_and_something_added()
    {
        var longest = GoDuration.Max + TimeSpan.FromDays(4);
        using var given = new CancellationTokenSource(longest, TimeProvider.System);

        given.CancelAfter(longest);
        var delay = Task.Delay(longest, TimeProvider.System, given.Token);
        await given.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => delay);
    }

    [Theory]
    [InlineData(0, "0s")]
    [InlineData(250, "250ms")]
    [InlineData(1_000, "1s")]
    [InlineData(1_500, "1.5s")]
    [InlineData(60_000, "1m")]
    [InlineData(90_000, "1m30s")]
    [InlineData(3_600_000, "1h")]
    [InlineData(3_601_000, "1h1s")]
    [InlineData(360_000_000, "100h")]
    public void Writes_the_shortest_text(long milliseconds, string text) => Assert.Equal(text, GoDuration.Format(TimeSpan.FromMilliseconds(milliseconds)));

    [Fact]
    public void What_it_writes_it_reads_back_to_the_tick()
    {
        var random = new Random(20261121);
        foreach (var most in new[] { 100, TimeSpan.TicksPerMillisecond, TimeSpan.TicksPerMinute, TimeSpan.TicksPerDay * 3650 })
        {
            for (var i = 0; i < 2_000; i++)
            {
                var duration = TimeSpan.FromTicks(random.NextInt64(most));

                Assert.True(GoDuration.TryParse(GoDuration.Format(duration), out var again), GoDuration.Format(duration));
                Assert.Equal(duration, again);
            }
        }
    }
}
