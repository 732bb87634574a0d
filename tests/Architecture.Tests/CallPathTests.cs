using System.Globalization;
using System.Text.RegularExpressions;

namespace Connectors.Architecture.Tests;

/// <summary>docs/architecture.md says how many files lead a call from a free slot to its ack: as many as its own table names.</summary>
public sealed partial class CallPathTests
{
    [Fact]
    public void The_page_says_how_many_files_its_table_names()
    {
        var page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "architecture.md"));
        var rows = page.Split('\n')
            .SkipWhile(line => !line.StartsWith("| free slots", StringComparison.Ordinal))
            .TakeWhile(line => !line.StartsWith("| callback record", StringComparison.Ordinal));
        var files = rows.SelectMany(row => SourceFile().Matches(row)).Select(match => match.Value).Distinct().Count();

        Assert.Equal(files.ToString(CultureInfo.InvariantCulture), Said().Match(page).Groups[1].Value);
    }

    [GeneratedRegex("`[^` ]+\\.cs`")]
    private static partial Regex SourceFile();

    [GeneratedRegex(@"from a free slot to the ack are (\d+) files")]
    private static partial Regex Said();
}
