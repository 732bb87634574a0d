using Connectors.Sdk.Invocation;

namespace Connectors.Sdk.Tests.Invocation;

public class FunctionNameTests
{
    [Theory]
    [InlineData("figlet", "figlet", "default")]
    [InlineData("figlet.dev", "figlet", "dev")]
    [InlineData("my.figlet.dev", "my.figlet", "dev")]
    public void The_last_dot_parts_name_and_namespace(string text, string name, string ns) =>
        Assert.Equal(new FunctionName(name, ns), FunctionName.Parse(text, "default"));

    [Theory]
    [InlineData("a", "b", true)]
    [InlineData("A-z_0.9", "b", true)]
    [InlineData("", "b", false)]
    [InlineData("a", "", false)]
    [InlineData("a/b", "c", false)]
    [InlineData("a%2e", "c", false)]
    [InlineData("ä", "c", false)]
    public void Only_the_characters_of_routes_are_valid(string name, string ns, bool isValid) => Assert.Equal(isValid, new FunctionName(name, ns).IsValid);

    [Fact]
    public void It_prints_without_a_dot_where_there_is_no_namespace()
    {
        Assert.Equal("a.b", new FunctionName("a", "b").ToString());
        Assert.Equal("a", new FunctionName("a", "").ToString());
    }
}
