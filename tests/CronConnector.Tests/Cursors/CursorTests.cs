using Connectors.Cron.Cursors;

namespace Connectors.Cron.Tests.Cursors;

public class CursorTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("2026-01-02T12:00:00Z")]
    [InlineData("2026-01-02T12:00:00Z 2026-01-02T12:00:00Z@a1b2c3d4#0")]
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
    public void Anything_else_is_told_apart(string text) => Assert.Null(Cursor.TryParse(text));

    [Fact]
    public void A_claim_moves_the_cursor_forward_and_never_back()
    {
        var cursor = new Cursor(Noon).With(new Claim(Noon.AddSeconds(1), "a", 0));
        Assert.Equal(Noon.AddSeconds(1), cursor.Last);

        cursor = cursor.With(new Claim(Noon, "b", 0)).With(new Claim(Noon, "b", 1));

        Assert.Equal("2026-01-02T12:00:01Z 2026-01-02T12:00:01Z@a#0 2026-01-02T12:00:00Z@b#1", cursor.ToString());
        Assert.Equal("2026-01-02T12:00:01Z 2026-01-02T12:00:01Z@a#0", cursor.Without(Noon).ToString());
    }
}
