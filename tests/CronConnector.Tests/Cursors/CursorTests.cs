using Connectors.Cron.Cursors;

namespace Connectors.Cron.Tests.Cursors;

public class CursorTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("2026-01-02T12:00:00Z")]
    [InlineData("2026-01-02T12:00:00Z 2026-01-02T12:00:00Z@a1b2c3d4#0")]
    [InlineData("2026-01-02T12:00:00Z since=2026-01-02T11:00:00Z ahead=2026-01-02T13:00:00Z/2026-01-02T13:00:09Z ahead=2026-01-03T13:00:00Z/2026-01-03T13:00:09Z removed 2026-01-02T12:00:00Z@a1b2c3d4#0")]
    [InlineData("2026-01-02T12:00:05Z 2026-01-02T12:00:04Z@a1b2c3d4#7 2026-01-02T12:00:05Z@-#3")]
    public void What_is_written_reads_back(string text) => Assert.Equal(text, Cursor.TryParse(text)?.ToString());

    [Theory]
    [InlineData(" 2026-01-02T12:00:00Z ")]
    [InlineData("2026-01-02T12:00:00.9Z")]
    [InlineData("2026-01-02T13:00:00+01:00")]
    [InlineData("2026-01-02T12:00:00")]
    public void An_operator_may_write_an_instant_in_other_forms(string text) => Assert.Equal(Noon, Cursor.TryParse(text)?.Last);

    [Theory]
    [InlineData("")]
    [InlineData("yesterday")]
    [InlineData("2026-13-02T12:00:00Z")]
    [InlineData("2026-01-02T12:00:00Z nonsense")]
    [InlineData("2026-01-02T12:00:00Z 2026-01-02T12:00:00Z@a")]
    [InlineData("2026-01-02T12:00:00Z 2026-01-02T12:00:00Z@a#-1")]
    [InlineData("2026-01-02T12:00:00Z x@a#1")]
    [InlineData("2026-01-02T12:00:00Z since=2026-01-02T12:00:01Z")]
    [InlineData("2026-01-02T12:00:00Z since=")]
    [InlineData("2026-01-02T12:00:00Z ahead=2026-01-02T12:00:00Z")]
    [InlineData("2026-01-02T12:00:00Z ahead=a/b")]
    public void Anything_else_is_told_apart(string text) => Assert.Null(Cursor.TryParse(text));

    [Fact]
    public void A_claim_moves_the_cursor_forward_and_never_back()
    {
        var cursor = new Cursor(Noon).With(new Claim(Noon.AddSeconds(1), "a", 0), Noon);
        Assert.Equal(Noon.AddSeconds(1), cursor.Last);

        cursor = cursor.Changed(new Claim(Noon, "b", 0)).Changed(new Claim(Noon, "b", 1));

        Assert.Equal("2026-01-02T12:00:01Z since=2026-01-02T12:00:00Z 2026-01-02T12:00:01Z@a#0 2026-01-02T12:00:00Z@b#1", cursor.ToString());
        Assert.Equal("2026-01-02T12:00:01Z since=2026-01-02T12:00:00Z 2026-01-02T12:00:01Z@a#0", cursor.Without(Noon).ToString());
        Assert.Equal(cursor, cursor.Dropped(Noon.AddSeconds(-5)));
    }

    [Theory]
    [InlineData("2026-01-02T12:00:05Z", "2026-01-02T12:00:04Z removed")]
    [InlineData("2026-01-02T12:00:05Z 2026-01-02T12:00:05Z@a#0", "2026-01-02T12:00:04Z")]
    [InlineData("2026-01-02T12:00:05Z", "2026-01-02T12:00:05Z 2026-01-02T12:00:05Z@a#7")]
    [InlineData("2026-01-02T12:00:05Z removed 2026-01-02T12:00:05Z@a#0", "2026-01-02T12:00:05Z")]
    public void Of_two_the_later_one_is_told(string later, string earlier)
    {
        var (one, other) = (Cursor.TryParse(later)!, Cursor.TryParse(earlier)!);

        Assert.True(one.IsLaterThan(other));
        Assert.False(other.IsLaterThan(one));
        Assert.False(one.IsLaterThan(one));
    }

    [Fact]
    public void Taken_back_it_remembers_all_that_was_fired_ahead_and_forgets_what_it_passes()
    {
        var cursor = Cursor.TryParse("2026-01-02T14:00:00Z since=2026-01-02T13:30:00Z ahead=2026-01-02T13:00:00Z/2026-01-02T13:10:00Z")!.TakenBack(Noon);
        Assert.Equal("2026-01-02T12:00:00Z ahead=2026-01-02T13:00:00Z/2026-01-02T13:10:00Z ahead=2026-01-02T13:30:00Z/2026-01-02T14:00:00Z", cursor.ToString());
        Assert.False(cursor.IsFiredAhead(Noon.AddMinutes(60)));
        Assert.True(cursor.IsFiredAhead(Noon.AddMinutes(61)));
        Assert.False(cursor.IsFiredAhead(Noon.AddMinutes(71)));

        Assert.Equal("2026-01-02T13:10:00Z ahead=2026-01-02T13:30:00Z/2026-01-02T14:00:00Z", cursor.Dropped(Noon.AddMinutes(70)).ToString());
        Assert.Equal("2026-01-02T14:00:00Z", cursor.Dropped(Noon.AddMinutes(120)).ToString());

        // All of the time ahead was fired without a gap: taken back, there is nothing to fire until then.
        Assert.Equal("2026-01-02T12:00:00Z ahead=2026-01-02T12:00:00Z/2026-01-02T13:00:00Z", Cursor.TryParse("2026-01-02T13:00:00Z since=2026-01-01T00:00:00Z")!.TakenBack(Noon).ToString());
    }
}
