using System.Text.RegularExpressions;
using Connectors.Sdk.Hosting;
using Connectors.Testing;

namespace Connectors.QueueWorker.Tests;

public sealed partial class DocumentationTests
{
    [Fact]
    public void The_table_of_options_is_what_help_says()
    {
        var settings = new Settings(new Dictionary<string, string>());
        QueueWorkerOptions.Read(settings);
        var said = settings.Declared.Select(s => $"{s.Name}|{s.Default}|{s.Meaning}");

        var page = File.ReadAllText(Path.Combine(Tools.RepositoryRoot, "docs", "queue-worker.md"));
        var written = Row().Matches(page).Select(row => $"{row.Groups[1].Value}|{row.Groups[2].Value}|{row.Groups[3].Value}");

        Assert.Equal(said, written);
    }

    [GeneratedRegex(@"^\| `([a-z_]+)` \| (?:`([^`]*)`)? ?\| (.*) \|$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
