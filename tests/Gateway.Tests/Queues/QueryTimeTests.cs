using System.Globalization;
using Connectors.Gateway.Queues;
using CsCheck;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>What since and until may say. What could be meant in several ways is refused, for letters are deleted by it.</summary>
public sealed class QueryTimeTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 28, 12, 0, 0, TimeSpan.Zero);
    private static readonly FakeTimeProvider Clock = new(Now);

    [Theory]
    [InlineData("2026-11-28T09:00:00Z", "2026-11-28T09:00:00Z")]
    [InlineData("2026-11-28T09:00:00.250+02:00", "2026-11-28T07:00:00.250Z")]
    [InlineData("2026-11-28 09:00:00z", "2026-11-28T09:00:00Z")]
    [InlineData("2026-11-28", "2026-11-28T00:00:00Z")]
    [InlineData("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z")]
    [InlineData("90m", "2026-11-28T10:30:00Z")]
    [InlineData(" 1h30m ", "2026-11-28T10:30:00Z")]
    [InlineData("90", "2026-11-28T11:58:30Z")]
    [InlineData("999999", "2026-11-16T22:13:21Z")]
    [InlineData("0s", "2026-11-28T12:00:00Z")]
    [InlineData("200000000h", "0001-01-01T00:00:00Z")]
    public void A_time_a_day_or_how_long_ago_is_read(string text, string time)
    {
        Assert.True(QueryTime.TryRead(text, Clock, out var at));

        Assert.Equal(DateTimeOffset.Parse(time, CultureInfo.InvariantCulture), at);
        Assert.Equal(TimeSpan.Zero, at!.Value.Offset);
    }

    [Theory]
    [InlineData("1764320400")]
    [InlineData("1764320400000")]
    [InlineData("20261128")]
    [InlineData("1000000")]
    [InlineData("05/06/2026")]
    [InlineData("10:30")]
    [InlineData("10:30:00Z")]
    [InlineData("2026-11-28T09:00:00")]
    [InlineData("2026-11-28 09:00")]
    [InlineData("2026-11-28Z")]
    [InlineData("2026-11")]
    [InlineData("2026-02-30")]
    [InlineData("2026-02-30T00:00:00Z")]
    [InlineData("28 Nov 2026")]
    [InlineData("Sat, 28 Nov 2026 09:00:00 GMT")]
    [InlineData("yesterday")]
    [InlineData("-90m")]
    [InlineData("90 minutes")]
    [InlineData(" ")]
    public void Anything_else_is_none(string text)
    {
        Assert.False(QueryTime.TryRead(text, Clock, out var at));

        Assert.Null(at);
    }

    [Theory]
    [InlineData("1764320400", null, "2025-11-28T09:00:00Z")]
    [InlineData(null, "1764320400000", "2025-11-28T09:00:00Z")]
    [InlineData("20261128", "soon", null)]
    public void Of_a_Unix_time_it_is_told_how_it_is_written(string? since, string? until, string? written)
    {
        var hint = QueryTime.Hint(since, until);

        Assert.Equal(written is null, hint.Length == 0);
        Assert.Contains(written ?? "", hint, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_no_time_and_no_fault()
    {
        Assert.True(QueryTime.TryRead("", Clock, out var at));
        Assert.Null(at);
        Assert.True(QueryTime.TryRead(null, Clock, out at));
        Assert.Null(at);
    }

    [Fact]
    public void Every_time_reads_back_as_it_was_written_in_any_zone() => Gen.Select(Gen.Long[0, TimeSpan.FromDays(36500).Ticks], Gen.Int[-14 * 60, 14 * 60]).Sample((ticks, zone) =>
    {
        var time = DateTimeOffset.UnixEpoch.AddTicks(ticks).ToOffset(TimeSpan.FromMinutes(zone));

        Assert.True(QueryTime.TryRead(time.ToString("yyyy-MM-ddTHH:mm:ss.fffffffzzz", CultureInfo.InvariantCulture), Clock, out var at));
        Assert.Equal(time, at);
    });

    [Fact]
    public void A_number_alone_is_seconds_as_long_as_it_is_short() => Gen.Select(Gen.Int[1, 20], Gen.Int[1, 9]).Sample((length, digit) =>
    {
        var text = new string((char)('0' + digit), length);

        Assert.Equal(length <= 6, QueryTime.TryRead(text, Clock, out var at));
        Assert.Equal(length <= 6 ? Now.AddSeconds(-double.Parse(text, CultureInfo.InvariantCulture)) : (DateTimeOffset?)null, at);
    });

    [Fact]
    public void Whatever_stands_there_is_a_time_in_UTC_or_refused() =>
        Gen.OneOf(Gen.String[0, 40], Gen.String[Gen.Char["0123456789TZ:-+./ hmsd"], 0, 30]).Sample(text =>
        {
            var isRead = QueryTime.TryRead(text, Clock, out var at);

            Assert.Equal(isRead && text.Length > 0, at is not null);
            Assert.Equal(TimeSpan.Zero, (at ?? Now).Offset);
        });
}
