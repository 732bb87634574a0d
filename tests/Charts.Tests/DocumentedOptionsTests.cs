using System.Text.RegularExpressions;
using Connectors.Sdk.Hosting;
using Connectors.Testing;

namespace Connectors.Charts.Tests;

/// <summary>What pages and README tell of the options, against what the services say with <c>--help</c>.</summary>
public sealed partial class DocumentedOptionsTests
{
    private static readonly (string Service, string Project, string Page)[] Services =
    [
        ("gateway", "Gateway", "gateway.md"), ("queue-worker", "QueueWorker", "queue-worker.md"), ("cron-connector", "CronConnector", "cron.md"),
        ("kafka-connector", "KafkaConnector", "kafka.md"), ("sqs-connector", "SqsConnector", "sqs.md"), ("rabbitmq-connector", "RabbitMqConnector", "rabbitmq.md"),
    ];

    // Where a pod listens and finds its files, which no other place has, and what has no default, for an operator names it.
    private static readonly string[] NoDefaults = ["bind_address", "secret_mount_path", "functions_path", "data_path", "AWS_SHARED_CREDENTIALS_FILE", "queue_url", "queues"];

    public static TheoryData<string, string> Pages => new(Services.Select(service => (service.Project, service.Page)));

    [Theory, MemberData(nameof(Pages))]
    public async Task A_page_names_every_option_of_its_service(string project, string page)
    {
        var text = await File.ReadAllTextAsync(Path.Combine(Tools.RepositoryRoot, "docs", page));
        var table = text[text.IndexOf("\n## Options", StringComparison.Ordinal)..];
        var named = Quoted().Matches(table[..table.IndexOf("\n## ", 1, StringComparison.Ordinal)]).Select(match => match.Groups[1].Value).ToHashSet();

        var options = (await HelpAsync(project)).Where(option => !option.Meaning.StartsWith("Accepted", StringComparison.Ordinal) && !option.Meaning.StartsWith("Older name", StringComparison.Ordinal)).Select(option => option.Name);
        Assert.Empty(options.Except(named));
    }

    [Fact]
    public async Task The_readme_names_each_default_of_each_service()
    {
        var readme = await File.ReadAllTextAsync(Path.Combine(Tools.RepositoryRoot, "README.md"));
        var rows = Row().Matches(readme[readme.IndexOf("\n## Configuration", StringComparison.Ordinal)..]).Select(match => (Names: Quoted().Matches(match.Groups[1].Value).Select(name => name.Groups[1].Value).ToList(), Service: match.Groups[2].Value, Default: match.Groups[3].Value)).ToList();
        var wrong = new List<string>();
        foreach (var (service, project, _) in Services)
        {
            foreach (var (name, standard, _) in await HelpAsync(project))
            {
                wrong.AddRange(rows.Where(row => row.Names.Contains(name) && (row.Service.Contains("all", StringComparison.Ordinal) || row.Service.Contains(service, StringComparison.Ordinal) || (row.Service.Contains("connectors", StringComparison.Ordinal) && service.EndsWith("-connector", StringComparison.Ordinal))))
                    .Where(row => !Values(row.Default).Contains(Told(name, standard)))
                    .Select(row => $"{service} {name}: {standard}, not {row.Default}"));
            }
        }

        Assert.NotEmpty(rows);
        Assert.Empty(wrong);
    }

    [Fact]
    public async Task The_page_of_the_charts_lists_each_default_that_is_not_its_services()
    {
        var page = await File.ReadAllTextAsync(Path.Combine(Tools.RepositoryRoot, "docs", "kubernetes.md"));
        var rows = Difference().Matches(page).Select(match => (Chart: match.Groups[1].Value, Value: match.Groups[2].Value, Option: match.Groups[3].Value, Default: match.Groups[4].Value, Service: match.Groups[5].Value)).ToList();
        var differences = new List<string>();
        foreach (var (chart, project, _) in Services)
        {
            var rendered = (await Helm.TemplateAsync(chart, "r")).Single(manifest => manifest.Kind == "Deployment").Environment;
            differences.AddRange((await HelpAsync(project)).Where(option => !NoDefaults.Contains(option.Name) && rendered.TryGetValue(option.Name, out var value) && !IsSame(value, Told(option.Name, option.Default)))
                .Select(option => $"{chart} {option.Name}: {rendered[option.Name]}, not {Told(option.Name, option.Default)}"));
        }

        Assert.NotEmpty(differences);
        Assert.Equal(differences.Order(StringComparer.Ordinal), rows.Select(row => $"{row.Chart} {row.Option}: {row.Default}, not {row.Service.Trim('`')}").Order(StringComparer.Ordinal));
        Assert.All(rows, row => Assert.Contains($"| `{row.Value}` | `{row.Default}` |", File.ReadAllText(Path.Combine(Helm.ChartDirectory(row.Chart), "README.md")), StringComparison.Ordinal));
    }

    // What holds where nothing is set; queue_name is then what an older name says.
    private static string Told(string name, string standard) => standard.Length > 0 ? standard : name == "queue_name" ? "faas-request" : "unset";

    private static bool IsSame(string one, string other) =>
        one.Equals(other, StringComparison.OrdinalIgnoreCase) || (GoDuration.TryParse(one, out var first) && GoDuration.TryParse(other, out var second) && first == second);

    // Single values of a cell, those in quotes whole.
    private static HashSet<string> Values(string cell) =>
        [.. Quoted().Matches(cell).Select(match => match.Groups[1].Value), .. cell.Split([' ', ',', '(', ')', '`'], StringSplitOptions.RemoveEmptyEntries)];

    private static async Task<IReadOnlyList<(string Name, string Default, string Meaning)>> HelpAsync(string project)
    {
        var (_, help) = await ServiceProcess.RunAsync(project, new Dictionary<string, string>(), "--help");
        var options = Option().Matches(help).Select(match => (match.Groups[1].Value, match.Groups[2].Value, match.Groups[3].Value)).ToList();
        Assert.NotEmpty(options);
        return options;
    }

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"^\| (`[^|]*) \| ([^|]*) \| ([^|]*) \|", RegexOptions.Multiline)]
    private static partial Regex Row();

    // Chart, value, option, the chart's default and the service's, in the table of the charts' page.
    [GeneratedRegex(@"^\| ([a-z-]+) \| `([A-Za-z.]+)` \| `([a-z_]+)` \| `([^`|]+)` \| (`[^`|]+`|unset) \|", RegexOptions.Multiline)]
    private static partial Regex Difference();

    [GeneratedRegex(@"^  ([A-Za-z_][A-Za-z0-9_]*)(?: \(default (.*)\))?\n      ([^\n]*)", RegexOptions.Multiline)]
    private static partial Regex Option();
}
