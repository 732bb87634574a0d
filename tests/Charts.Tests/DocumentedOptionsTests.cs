using System.Text.RegularExpressions;
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

    // queue_name is what an older name says, unless it is given itself.
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
                    .Where(row => !Values(row.Default).Contains(standard.Length > 0 ? standard : name == "queue_name" ? "faas-request" : "unset"))
                    .Select(row => $"{service} {name}: {standard}, not {row.Default}"));
            }
        }

        Assert.NotEmpty(rows);
        Assert.Empty(wrong);
    }

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

    [GeneratedRegex(@"^  ([A-Za-z_][A-Za-z0-9_]*)(?: \(default (.*)\))?\n      ([^\n]*)", RegexOptions.Multiline)]
    private static partial Regex Option();
}
