using System.Text.RegularExpressions;

namespace Connectors.Architecture.Tests;

/// <summary>Who may reference whom, and who may know which broker: the table of docs/architecture.md, compared with the project files.</summary>
public partial class ProjectReferenceTests
{
    private static readonly string[] Brokers = ["NATS.Net", "Confluent.Kafka", "AWSSDK.SQS", "AWSSDK.SecurityToken", "librdkafka.redist", "RabbitMQ.Client"];
    private static readonly string[] Product = ["gateway", "queue-worker", "connectors", "connector-sdk"];

    private static string Page { get; } = File.ReadAllText(Path.Combine(Repository.Root, "docs", "architecture.md"));

    [Fact]
    public void Projects_reference_what_the_page_says_and_nothing_else()
    {
        var projects = Repository.Projects.Where(project => Product.Contains(Repository.Relative(project.File).Split('/')[0]));
        var found = projects.Select(project => Row(
            Path.GetDirectoryName(Repository.Relative(project.File))!,
            project.ProjectReferences.Select(reference => Repository.Projects.Single(other => other.Name == reference)).Select(other => Path.GetDirectoryName(Repository.Relative(other.File))!),
            project.PackageReferences.Intersect(Brokers)));
        var told = Reference().Matches(Page).Select(row => Row(row.Groups[1].Value, Quoted(row.Groups[2].Value), Quoted(row.Groups[3].Value)));

        Assert.InRange(told.Count(), 10, int.MaxValue);
        Assert.Equal(told.Order(), found.Order());

        static string Row(string project, IEnumerable<string> references, IEnumerable<string> brokers) =>
            $"{project} → {string.Join(", ", references.Order())} | {string.Join(", ", brokers.Order())}";
    }

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        var solution = File.ReadAllText(Path.Combine(Repository.Root, "Connectors.sln")).Replace('\\', '/');

        Assert.InRange(Repository.Projects.Count, 30, int.MaxValue);
        Assert.All(Repository.Projects, project => Assert.Contains($"\"{Repository.Relative(project.File)}\"", solution, StringComparison.Ordinal));
    }

    private static IEnumerable<string> Quoted(string cell) => Code().Matches(cell).Select(match => match.Groups[1].Value);

    // | `gateway/Gateway` | what it is | references | broker packages |
    [GeneratedRegex(@"^\| `([\w/-]+)` \|[^|]*\|([^|]*)\|([^|]*)\|$", RegexOptions.Multiline)]
    private static partial Regex Reference();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();
}
