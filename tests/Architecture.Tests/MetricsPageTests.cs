using System.Text.RegularExpressions;

namespace Connectors.Architecture.Tests;

/// <summary>docs/metrics.md lists every metric that a service creates, and no other.</summary>
public partial class MetricsPageTests
{
    private static readonly string[] Services = ["gateway", "queue-worker", "connectors", "connector-sdk"];

    [Fact]
    public void The_page_lists_exactly_the_metrics_of_the_sources()
    {
        var created = Repository.Files("*.cs")
            .Where(file => Services.Contains(Path.GetRelativePath(Repository.Root, file).Split('/')[0]))
            .SelectMany(file => Creation().Matches(File.ReadAllText(file)))
            .Select(m => (Name: m.Groups[2].Value, Type: m.Groups[1].Value.ToLowerInvariant()))
            .Distinct()
            .ToList();
        Assert.InRange(created.Count, 100, int.MaxValue);
        var listed = Row().Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs", "metrics.md")))
            .Select(m => (Name: m.Groups[1].Value, Type: m.Groups[2].Value));

        Assert.Equal(created.Order(), listed.Order());
    }

    // prometheus-net writes help texts as they are: a line break in one would make the page unreadable to Prometheus.
    [Fact]
    public void Help_texts_are_one_line_each_and_need_no_escaping()
    {
        var texts = Repository.Files("*.cs")
            .Where(file => Services.Contains(Path.GetRelativePath(Repository.Root, file).Split('/')[0]))
            .SelectMany(file => Help().Matches(File.ReadAllText(file)))
            .Select(m => m.Groups[1].Value)
            .ToList();

        Assert.NotEmpty(texts);
        Assert.All(texts, text => Assert.DoesNotContain('\\', text));
    }

    // The second argument, a literal of its own: whatever else it were could not be checked here.
    [GeneratedRegex(@"Create(?:Counter|Gauge|Histogram)\(\s*""[a-z_]+"",\s*(""(?:[^""\\]|\\.)*"")")]
    private static partial Regex Help();

    [GeneratedRegex(@"Create(Counter|Gauge|Histogram)\(\s*""([a-z_]+)""")]
    private static partial Regex Creation();

    [GeneratedRegex(@"^\| `([a-z_]+)` \| (counter|gauge|histogram) \|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
