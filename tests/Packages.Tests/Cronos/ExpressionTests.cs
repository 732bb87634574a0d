using Cronos;

namespace Connectors.Packages.Tests.Cronos;

public class ExpressionTests
{
    [Theory]
    [InlineData("* * * * *", "* * * * *")]
    [InlineData("? ? ? ? ?", "* * * * *")]
    [InlineData(" 0\t0 1  1 * ", "0 0 1 1 *")]
    [InlineData("05 00 * * 7", "5 0 * * 0")]
    [InlineData("*/15 9-12 * * *", "0,15,30,45 9,10,11,12 * * *")]
    [InlineData("0 22-1 * DEC-FEB MON-WED", "0 0,1,22,23 * 1,2,12 1,2,3")]
    [InlineData("0 0 L * *", "0 0 L * *")]
    [InlineData("0 0 L-3W * *", "0 0 L-3W * *")]
    [InlineData("0 0 lw * *", "0 0 LW * *")]
    [InlineData("0 0 15w * *", "0 0 15W * *")]
    [InlineData("0 0 * * fri#2", "0 0 * * 5#2")]
    [InlineData("0 0 * * SUNL", "0 0 * * 0L")]
    [InlineData("0 0 * * 0-6", "0 0 * * *")]
    [InlineData("@weekly", "0 0 * * 0")]
    [InlineData("@every_second", "* * * * * *")]
    public void An_expression_writes_itself_out(string expression, string expected) => Assert.Equal(expected, CronExpression.Parse(expression).ToString());

    [Theory]
    [InlineData("*/20 0 0 * * *", "0,20,40 0 0 * * *")]
    [InlineData("0 5 4 * * *", "5 4 * * *")]
    [InlineData("7 * * * * *", "7 * * * * *")]
    public void Seconds_are_written_where_they_are_not_just_0(string expression, string expected) =>
        Assert.Equal(expected, CronExpression.Parse(expression, CronFormat.IncludeSeconds).ToString());

    [Theory]
    [InlineData("0 0 * * 0", "0 0 * * 7")]
    [InlineData("0 0 * * SUN", "0 0 ? * 7")]
    [InlineData("0 0 1 JAN *", "@yearly")]
    [InlineData("1,2,3 * * * *", "3,2,1 * * * *")]
    [InlineData("*/2 * * * *", "0/2 * * * *")]
    [InlineData("0 0 L-0 * *", "0 0 L * *")]
    public void Expressions_that_mean_the_same_are_equal(string one, string other)
    {
        var (left, right) = (CronExpression.Parse(one), CronExpression.Parse(other));

        Assert.True(left == right);
        Assert.False(left != right);
        Assert.True(left.Equals((object)right));
        Assert.Equal(left.GetHashCode(), right.GetHashCode());
    }

    [Theory]
    [InlineData("0 0 * * *", "1 0 * * *")]
    [InlineData("0 0 1 * *", "0 0 1W * *")]
    [InlineData("0 0 L * *", "0 0 L-1 * *")]
    [InlineData("0 0 L * *", "0 0 LW * *")]
    [InlineData("0 0 * * 5", "0 0 * * 5L")]
    [InlineData("0 0 * * 5#1", "0 0 * * 5#2")]
    [InlineData("0 0 * * 5", "0 0 * 5 *")]
    [InlineData("30 1 * * *", "30 1-1 * * *")]
    public void Expressions_that_differ_are_not(string one, string other)
    {
        var (left, right) = (CronExpression.Parse(one), CronExpression.Parse(other));

        Assert.False(left == right);
        Assert.True(left != right);
        Assert.False(left.Equals(right));
        Assert.False(left.Equals(null));
        Assert.False(left == null);
    }

    [Fact]
    public void Seconds_in_the_format_change_nothing_if_they_are_0() =>
        Assert.Equal(CronExpression.Parse("5 4 * * *"), CronExpression.Parse("0 5 4 * * *", CronFormat.IncludeSeconds));

    [Fact]
    public void The_ready_made_ones_are_the_macros()
    {
        Assert.Equal(CronExpression.Parse("@yearly"), CronExpression.Yearly);
        Assert.Equal(CronExpression.Parse("@monthly"), CronExpression.Monthly);
        Assert.Equal(CronExpression.Parse("@weekly"), CronExpression.Weekly);
        Assert.Equal(CronExpression.Parse("@daily"), CronExpression.Daily);
        Assert.Equal(CronExpression.Parse("@hourly"), CronExpression.Hourly);
        Assert.Equal(CronExpression.Parse("@every_minute"), CronExpression.EveryMinute);
        Assert.Equal(CronExpression.Parse("@every_second"), CronExpression.EverySecond);
    }

    [Fact]
    public void TryParse_hands_out_what_Parse_would()
    {
        Assert.True(CronExpression.TryParse("5 4 * * *", out var cron));
        Assert.Equal(CronExpression.Parse("5 4 * * *"), cron);
        Assert.True(CronExpression.TryParse("1 5 4 * * *", CronFormat.IncludeSeconds, out cron));
        Assert.Equal(CronExpression.Parse("1 5 4 * * *", CronFormat.IncludeSeconds), cron);
    }
}
