using System.Text.RegularExpressions;
using Connectors.Sdk.Hosting;
using Connectors.Testing;

namespace Connectors.Gateway.Tests;

/// <summary>docs/gateway.md lists what <c>--help</c> lists, word for word.</summary>
public sealed partial class DocumentedOptionsTests
{
    [Theory]
    [InlineData("")]
    [InlineData("http://provider:8081/")]
    public async Task Every_option_stands_in_the_documentation_with_its_default_and_meaning(string provider)
    {
        var settings = new Settings(new Dictionary<string, string> { ["functions_provider_url"] = provider });
        GatewayOptions.Read(settings);
        var text = await File.ReadAllTextAsync(Path.Combine(Tools.RepositoryRoot, "docs", "gateway.md"));
        var table = text[text.IndexOf("## Options", StringComparison.Ordinal)..text.IndexOf("## Metrics", StringComparison.Ordinal)];

        var documented = Row().Matches(table).Select(row => (row.Groups[1].Value, row.Groups[2].Value.Trim('`'), row.Groups[3].Value));

        Assert.Equal(settings.Declared.Select(s => (s.Name, s.Default, s.Meaning)), documented);
    }

    [GeneratedRegex(@"^\| `([a-z_]+)` \| ([^|]*) \| (.*) \|$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
