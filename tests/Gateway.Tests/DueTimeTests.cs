using System.Globalization;
using Connectors.Gateway.Enqueueing;
using CsCheck;
using Microsoft.AspNetCore.Http;

namespace Connectors.Gateway.Tests;

/// <summary>What X-Delay and X-Not-Before may say.</summary>
public class DueTimeTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 31, 8, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Max = TimeSpan.FromDays(7);

    [Theory]
    [InlineData("10m", 600)]
    [InlineData("90", 90)]
    [InlineData("1h1m1.5s", 3661.5)]
    [InlineData("168h", 604800)]
    public void A_delay_counts_from_now(string delay, double seconds) => Assert.Equal(Now.AddSeconds(seconds), Read(("X-Delay", delay)));

    [Theory]
    [InlineData("X-Delay", "0")]
    [InlineData("X-Delay", "0s")]
    public void No_delay_is_at_once(string name, string value) => Assert.Null(Read((name, value)));

    // Not where a delayed call with its key may lie, in another stream than those that are to run at once.
    [Theory]
    [InlineData("0")]
    [InlineData("0s")]
    public void No_delay_is_now_with_a_key(string delay) => Assert.Equal(Now, Read(("X-Delay", delay), ("Idempotency-Key", "k")));

    [Theory]
    [InlineData("2026-01-31T09:00:00Z", 3600)]
    [InlineData("2026-01-31T09:00:00.250+00:00", 3600.25)]
    [InlineData("2026-01-31t10:00:00z", 7200)]
    [InlineData("2026-01-31 11:00:00+02:00", 3600)]
    [InlineData("2026-01-31T09:00:00.250000001Z", 3600.25)]
    [InlineData("Sat, 31 Jan 2026 09:00:00 GMT", 3600)]
    [InlineData("Saturday, 31-Jan-26 09:00:00 GMT", 3600)]
    public void A_time_is_read_in_either_form(string time, double seconds) => Assert.Equal(Now.AddSeconds(seconds), Read(("X-Not-Before", time)));

    [Fact]
    public void A_time_that_has_passed_is_now() => Assert.Equal(Now, Read(("X-Not-Before", "2001-01-01T00:00:00Z")));

    [Theory]
    [InlineData("X-Delay", "-1s")]
    [InlineData("X-Delay", "soon")]
    [InlineData("X-Delay", "10 m")]
    [InlineData("X-Delay", "168h1s")]
    [InlineData("X-Delay", "9999999999999999999")]
    [InlineData("X-Not-Before", "tomorrow")]
    [InlineData("X-Not-Before", "1769850000")]
    [InlineData("X-Not-Before", "2026-01-31T09:00:00")]
    [InlineData("X-Not-Before", "2026-02-30T09:00:00Z")]
    [InlineData("X-Not-Before", "2026-01-31")]
    [InlineData("X-Not-Before", "09:00:00Z")]
    [InlineData("X-Not-Before", "2026-02-07T08:00:01Z")]
    [InlineData("X-Not-Before", "Sat, 31 Jan 2026 09:00:00 +0100")]
    public void Anything_else_is_refused_by_name(string name, string value)
    {
        var refusal = DueTime.Read(Request((name, value)), Max, Now, out var due);

        Assert.Equal(400, refusal?.Status);
        Assert.StartsWith(name, refusal!.Text, StringComparison.Ordinal);
        Assert.Null(due);
    }

    [Fact]
    public void Both_and_each_twice_are_refused()
    {
        Assert.Contains("X-Not-Before", DueTime.Read(Request(("X-Delay", "1s"), ("X-Not-Before", "2026-01-31T09:00:00Z")), Max, Now, out _)!.Text, StringComparison.Ordinal);
        Assert.NotNull(DueTime.Read(Request(("X-Delay", "1s"), ("X-Delay", "2s")), Max, Now, out _));
        Assert.NotNull(DueTime.Read(Request(("X-Not-Before", "2026-01-31T09:00:00Z"), ("X-Not-Before", "2026-01-31T09:00:00Z")), Max, Now, out _));
    }

    [Fact]
    public void Every_time_reads_back_as_it_was_written_in_any_zone() => Gen.Select(Gen.Long[0, Max.Ticks], Gen.Int[-14 * 60, 14 * 60]).Sample((ahead, zone) =>
    {
        var time = Now.AddTicks(ahead);

        Assert.Equal(time, Read(("X-Not-Before", time.ToOffset(TimeSpan.FromMinutes(zone)).ToString("yyyy-MM-ddTHH:mm:ss.fffffffzzz", CultureInfo.InvariantCulture))));
    });

    [Fact]
    public void Whatever_stands_there_is_a_time_within_bounds_or_refused() =>
        Gen.Select(Gen.Bool, Gen.OneOf(Gen.String[0, 40], Gen.String[Gen.Char["0123456789TZ:-+. hms"], 0, 30])).Sample((isDelay, text) =>
        {
            var refusal = DueTime.Read(Request((isDelay ? "X-Delay" : "X-Not-Before", text)), Max, Now, out var due);

            Assert.True(refusal is { Status: 400 } ? due is null : due is null || (due >= Now && due <= Now + Max), text);
        });

    private static DateTimeOffset? Read(params (string Name, string Value)[] headers)
    {
        var refusal = DueTime.Read(Request(headers), Max, Now, out var due);
        Assert.Null(refusal?.Text);
        return due;
    }

    private static HttpRequest Request(params (string Name, string Value)[] headers)
    {
        var request = new DefaultHttpContext().Request;
        foreach (var (name, value) in headers)
        {
            request.Headers.Append(name, value);
        }

        return request;
    }
}
