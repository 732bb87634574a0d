using Cronos;

namespace Connectors.Packages.Tests.Cronos;

public class MalformedTests
{
    [Theory]
    [InlineData("")]
    [InlineData("   ")]
    [InlineData("*")]
    [InlineData("* * * *")]
    [InlineData("* * * * * *")]
    [InlineData("0 0 1 1 * 2027")]
    [InlineData("* * * * *x")]
    [InlineData("***** ")]
    [InlineData("0,0,1,1,*")]
    [InlineData("0\n0 1 1 *")]
    public void Five_fields_are_needed(string expression) => Refused(expression);

    [Theory]
    [InlineData("* * * * *")]
    [InlineData("60 * * * * *")]
    [InlineData("-1 * * * * *")]
    [InlineData("*/60 * * * * *")]
    [InlineData("L * * * * *")]
    [InlineData("0 0 0 1 1 * *")]
    public void Six_fields_are_needed_with_seconds(string expression) => Refused(expression, CronFormat.IncludeSeconds);

    [Theory]
    [InlineData("60 * * * *")]
    [InlineData("-1 * * * *")]
    [InlineData("100 * * * *")]
    [InlineData("007 * * * *")]
    [InlineData("x * * * *")]
    [InlineData("1.5 * * * *")]
    [InlineData("+5 * * * *")]
    [InlineData("* 24 * * *")]
    [InlineData("* * 0 * *")]
    [InlineData("* * 32 * *")]
    [InlineData("* * * 0 *")]
    [InlineData("* * * 13 *")]
    [InlineData("* * * * 8")]
    [InlineData("* * * * -1")]
    public void Values_out_of_range(string expression) => Refused(expression);

    [Theory]
    [InlineData("*, * * * *")]
    [InlineData("1, * * * *")]
    [InlineData(",1 * * * *")]
    [InlineData("1,,2 * * * *")]
    [InlineData("*,1 * * * *")]
    [InlineData("1,* * * * *")]
    [InlineData("1- * * * *")]
    [InlineData("-5 * * * *")]
    [InlineData("1-60 * * * *")]
    [InlineData("1-2-3 * * * *")]
    [InlineData("*-5 * * * *")]
    [InlineData("1 - 2 * * * *")]
    public void Broken_lists_and_ranges(string expression) => Refused(expression);

    [Theory]
    [InlineData("*/ * * * *")]
    [InlineData("*/0 * * * *")]
    [InlineData("*/60 * * * *")]
    [InlineData("*/-5 * * * *")]
    [InlineData("/5 * * * *")]
    [InlineData("*/5/5 * * * *")]
    [InlineData("** * * * *")]
    [InlineData("* */24 * * *")]
    [InlineData("* * */32 * *")]
    [InlineData("* * * */13 *")]
    [InlineData("* * * * */8")]
    [InlineData("1-5/0 * * * *")]
    public void Broken_steps(string expression) => Refused(expression);

    [Theory]
    [InlineData("* * * JANUARY *")]
    [InlineData("* * * JA *")]
    [InlineData("* * * MON *")]
    [InlineData("* * * * MONDAY")]
    [InlineData("* * * * JAN")]
    [InlineData("* * * * MO")]
    [InlineData("JAN * * * *")]
    [InlineData("* * * ABC *")]
    public void Names_that_are_none(string expression) => Refused(expression);

    [Theory]
    [InlineData("L * * * *")]
    [InlineData("* L * * *")]
    [InlineData("* * * L *")]
    [InlineData("* * * * L")]
    [InlineData("* * L-31 * *")]
    [InlineData("* * L- * *")]
    [InlineData("* * L5 * *")]
    [InlineData("* * L,1 * *")]
    [InlineData("* * 1,L * *")]
    [InlineData("* * LL * *")]
    [InlineData("* * L/2 * *")]
    [InlineData("* * 5L * *")]
    [InlineData("* * * * 1-5L")]
    [InlineData("* * * * 5L,1")]
    public void L_where_it_cannot_be(string expression) => Refused(expression);

    [Theory]
    [InlineData("* * W * *")]
    [InlineData("* * *W * *")]
    [InlineData("* * 1-5W * *")]
    [InlineData("* * 1,5W * *")]
    [InlineData("* * 5W,6 * *")]
    [InlineData("* * 0W * *")]
    [InlineData("* * 32W * *")]
    [InlineData("* * WL * *")]
    [InlineData("* * * * 1W")]
    [InlineData("5W * * * *")]
    public void W_where_it_cannot_be(string expression) => Refused(expression);

    [Theory]
    [InlineData("* * * * 1#0")]
    [InlineData("* * * * 1#6")]
    [InlineData("* * * * 1#")]
    [InlineData("* * * * #1")]
    [InlineData("* * * * 1#2#3")]
    [InlineData("* * * * 1#2,3")]
    [InlineData("* * * * 1-5#2")]
    [InlineData("* * * * *#2")]
    [InlineData("* * * * 1L#2")]
    [InlineData("* * 1#1 * *")]
    public void Hash_where_it_cannot_be(string expression) => Refused(expression);

    [Theory]
    [InlineData("@")]
    [InlineData("@dailyx")]
    [InlineData("@dail")]
    [InlineData("@ daily")]
    [InlineData("@daily *")]
    [InlineData("@every")]
    [InlineData("@every 5m")]
    [InlineData("@every_hour")]
    [InlineData("@reboot")]
    [InlineData("daily")]
    public void Macros_that_are_none(string expression) => Refused(expression);

    [Theory]
    [InlineData("60 * * * *", "Minutes")]
    [InlineData("* 24 * * *", "Hours")]
    [InlineData("* * 32 * *", "Days of month")]
    [InlineData("* * * 13 *", "Months")]
    [InlineData("* * * * 8", "Days of week")]
    public void The_message_names_the_field(string expression, string field) =>
        Assert.Contains(field, Assert.Throws<CronFormatException>(() => CronExpression.Parse(expression)).Message, StringComparison.Ordinal);

    [Fact]
    public void Null_is_a_mistake_of_the_caller()
    {
        Assert.Throws<ArgumentNullException>("expression", () => CronExpression.Parse(null!));
        Assert.Throws<ArgumentNullException>("expression", () => CronExpression.TryParse(null!, out _));
    }

    private static void Refused(string expression, CronFormat format = CronFormat.Standard)
    {
        Assert.IsAssignableFrom<FormatException>(Assert.Throws<CronFormatException>(() => CronExpression.Parse(expression, format)));
        Assert.False(CronExpression.TryParse(expression, format, out var cron));
        Assert.Null(cron);
    }
}
