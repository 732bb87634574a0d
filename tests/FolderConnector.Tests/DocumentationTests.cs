using System.Text.RegularExpressions;
using Connectors.Testing;

namespace Connectors.Folder.Tests;

public partial class DocumentationTests
{
    [Fact]
    public async Task The_page_shows_the_code_that_is_compiled()
    {
        var sample = Path.Combine(Tools.RepositoryRoot, "samples", "folder-connector");
        var page = await File.ReadAllTextAsync(Path.Combine(Tools.RepositoryRoot, "docs", "writing-a-connector.md"));

        var shown = Block().Matches(page).ToDictionary(m => m.Groups[1].Value, m => m.Groups[2].Value);

        Assert.Equal(Directory.GetFiles(sample, "*.cs").Select(Path.GetFileName).Order(), shown.Keys.Order());
        foreach (var (file, code) in shown)
        {
            Assert.Equal(await File.ReadAllTextAsync(Path.Combine(sample, file)), code);
        }
    }

    [GeneratedRegex("^```csharp file=(\\S+)\\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();
}
