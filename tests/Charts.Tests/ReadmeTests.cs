using System.Text;
using System.Text.Json;
using Connectors.Testing;
using YamlDotNet.RepresentationModel;

namespace Connectors.Charts.Tests;

/// <summary>Each chart's README is made from its Chart.yaml and values.yaml: with CONNECTORS_WRITE_READMES set it is written, else it is compared.</summary>
public class ReadmeTests
{
    public static TheoryData<string> Charts => RenderingTests.Charts;

    [Theory, MemberData(nameof(Charts))]
    public async Task A_charts_readme_is_the_one_that_its_values_make(string chart)
    {
        var file = Path.Combine(Helm.ChartDirectory(chart), "README.md");
        var made = Make(chart);
        if (Environment.GetEnvironmentVariable("CONNECTORS_WRITE_READMES") is not null)
        {
            await File.WriteAllTextAsync(file, made);
        }

        Assert.Equal(made, File.Exists(file) ? await File.ReadAllTextAsync(file) : "");
    }

    private static string Make(string chart)
    {
        var about = Load(Path.Combine(Helm.ChartDirectory(chart), "Chart.yaml"));
        var text = new StringBuilder().Append(
            $"""
            # {chart}

            {about["description"]}. First install: [docs/kubernetes.md](../../docs/kubernetes.md); what the service does: [docs/{Page(chart)}](../../docs/{Page(chart)}).

            ```sh
            helm upgrade --install {chart} charts/{chart} --namespace openfaas{string.Concat(Named(chart).Select(value => $" --set '{value}'"))}
            ```

            Names that are not below are refused. Made from `values.yaml` by `CONNECTORS_WRITE_READMES=1 ./test charts -- --filter-class '*ReadmeTests'`.

            | value | default | meaning |
            | --- | --- | --- |

            """);
        var file = Path.Combine(Helm.ChartDirectory(chart), "values.yaml");
        var lines = File.ReadAllLines(file);
        foreach (var (path, value, line) in Rows(Load(file), ""))
        {
            text.AppendLine($"| `{path}` | {(value is null ? "" : $"`{Default(value)}`")} | {CommentAbove(lines, line).Replace("|", "\\|", StringComparison.Ordinal)} |");
        }

        return text.ToString();
    }

    // What a first install names: without it the chart is refused, or the worker serves a queue that nobody calls.
    private static IEnumerable<string> Named(string chart) => chart == "queue-worker" ? ["queueName=faas-request"] : Helm.Needed(chart);

    // Leaves with their defaults; a mapping that is explained has a row of its own before them.
    private static IEnumerable<(string Path, YamlNode? Value, int Line)> Rows(YamlMappingNode map, string above)
    {
        foreach (var (key, value) in map.Children)
        {
            var path = above.Length == 0 ? key.ToString() : $"{above}.{key.ToString().Replace(".", "\\.", StringComparison.Ordinal)}";
            if (value is YamlMappingNode { Children.Count: > 0 } below)
            {
                yield return (path, null, (int)key.Start.Line);
                foreach (var row in Rows(below, path))
                {
                    yield return row;
                }
            }
            else
            {
                yield return (path, value, (int)key.Start.Line);
            }
        }
    }

    private static string Default(YamlNode node) => node switch
    {
        YamlScalarNode { Value: "" } => "\"\"",
        YamlScalarNode scalar => scalar.Value!,
        YamlSequenceNode list => JsonSerializer.Serialize(list.Children.Select(child => child.ToString())),
        _ => "{}",
    };

    // The comment lines that end just above; a heading has an empty line below it.
    private static string CommentAbove(string[] lines, int line) =>
        string.Join(' ', lines[..(line - 1)].Reverse().TakeWhile(l => l.TrimStart().StartsWith('#')).Reverse().Select(l => l.TrimStart().TrimStart('#').Trim()));

    private static string Page(string chart) => chart switch
    {
        "cron-connector" => "cron.md",
        "kafka-connector" => "kafka.md",
        "sqs-connector" => "sqs.md",
        "rabbitmq-connector" => "rabbitmq.md",
        _ => $"{chart}.md",
    };

    private static YamlMappingNode Load(string file)
    {
        using var reader = new StreamReader(file);
        var yaml = new YamlStream();
        yaml.Load(reader);
        return (YamlMappingNode)yaml.Documents[0].RootNode;
    }
}
