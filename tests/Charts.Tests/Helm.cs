using System.Collections.Concurrent;
using System.Globalization;
using System.Text.RegularExpressions;
using Connectors.Testing;
using YamlDotNet.RepresentationModel;

namespace Connectors.Charts.Tests;

/// <summary>The real Helm, over the charts of this repository.</summary>
internal static partial class Helm
{
    /// <summary>Before the path of a file with values, where values are given.</summary>
    public const string File = "@";

    // By itself each Helm renders for the Kubernetes that it was built with.
    private const string Kubernetes = "1.31";

    public static string ChartDirectory(string chart) => Path.Combine(Tools.RepositoryRoot, "charts", chart);

    // Many tests look at the same text; it is made once, by both Helms.
    private static readonly ConcurrentDictionary<string, Lazy<Task<string>>> Texts = new();

    /// <summary>Values without which a chart cannot be rendered.</summary>
    public static IEnumerable<string> Needed(string chart) => chart switch
    {
        "sqs-connector" => ["queueURL=https://sqs.eu-west-1.amazonaws.com/000000000000/orders"],
        "rabbitmq-connector" => ["queues[0].name=orders"],
        _ => [],
    };

    /// <summary>Values as Helm is given them.</summary>
    public static IEnumerable<string> Options(IEnumerable<string> values) =>
        values.SelectMany(v => v.StartsWith(File, StringComparison.Ordinal) ? new[] { "--values", v[File.Length..] } : ["--set", v]);

    /// <summary>What each version of Helm says.</summary>
    public static async Task<IReadOnlyList<(int ExitCode, string Output)>> RunAsync(params string[] arguments) =>
        await Task.WhenAll(HelmTool.Versions.Select(version => HelmTool.RunAsync(version, arguments)));

    /// <summary>Renders a chart, by each version to the same text; each of <paramref name="values"/> is written as for <c>--set</c>, or names a <see cref="File"/>.</summary>
    public static Task<IReadOnlyList<Manifest>> TemplateAsync(string chart, string release, params string[] values) => TemplateAsync(chart, release, needed: true, values);

    /// <summary>The same, with <see cref="Needed"/> values only where they are asked for.</summary>
    public static Task<IReadOnlyList<Manifest>> TemplateAsync(string chart, string release, bool needed, string[] values) =>
        TemplateAsync(chart, release, "openfaas", needed ? [.. Needed(chart), .. values] : values);

    /// <summary>The same in a namespace.</summary>
    public static async Task<IReadOnlyList<Manifest>> TemplateAsync(string chart, string release, string ns, string[] values)
    {
        string[] arguments = ["template", release, ChartDirectory(chart), "--namespace", ns, "--kube-version", Kubernetes, .. Options(values)];
        var rendered = values.Any(v => v.StartsWith(File, StringComparison.Ordinal))
            ? TextAsync(arguments)
            : Texts.GetOrAdd(string.Join('\n', arguments), _ => new Lazy<Task<string>>(() => TextAsync(arguments))).Value;
        return Manifests(await rendered);
    }

    /// <summary>Renders a chart that lies anywhere, with options as <c>helm template</c> takes them.</summary>
    public static async Task<IReadOnlyList<Manifest>> TemplateFolderAsync(string folder, string release, params string[] options) =>
        Manifests(await TextAsync(["template", release, folder, "--namespace", "openfaas", "--kube-version", Kubernetes, .. options]));

    /// <summary>The objects of a rendered text.</summary>
    public static IReadOnlyList<Manifest> Manifests(string rendered)
    {
        var yaml = new YamlStream();
        yaml.Load(new StringReader(rendered));
        return [.. yaml.Documents.Select(d => d.RootNode).OfType<YamlMappingNode>().Select(node => new Manifest(node))];
    }

    private static async Task<string> TextAsync(string[] arguments)
    {
        var runs = await RunAsync(arguments);
        Assert.All(runs, run => Assert.True(run.ExitCode == 0, run.Output));
        return Assert.Single(runs.Select(run => WithoutPassword(run.Output)).Distinct());
    }

    /// <summary>The password of the API is drawn anew at each rendering.</summary>
    public static string WithoutPassword(string rendered) => Password().Replace(rendered, "$1eA==");

    [GeneratedRegex("(basic-auth-password: )[A-Za-z0-9+/=]+")]
    private static partial Regex Password();
}

/// <summary>One rendered object.</summary>
internal sealed partial record Manifest(YamlMappingNode Root)
{
    public string Kind => this["kind"]!;

    public string Name => this["metadata.name"]!;

    /// <summary>The scalar at a path such as <c>spec.template.spec.containers.0.image</c>; null if there is none.</summary>
    public string? this[string path] => (At(path) as YamlScalarNode)?.Value;

    /// <summary>The node at a path; null if there is none. Dots in names are written as <c>~</c>.</summary>
    public YamlNode? At(string path)
    {
        YamlNode? node = Root;
        foreach (var step in path.Split('.'))
        {
            node = node switch
            {
                YamlMappingNode map when map.Children.TryGetValue(new YamlScalarNode(step.Replace('~', '.')), out var child) => child,
                YamlSequenceNode list when int.TryParse(step, CultureInfo.InvariantCulture, out var index) && index < list.Children.Count => list.Children[index],
                _ => null,
            };
        }

        return node;
    }

    /// <summary>The mapping at a path, as text to text.</summary>
    public IReadOnlyDictionary<string, string> Map(string path) =>
        At(path) is YamlMappingNode map ? map.Children.ToDictionary(pair => pair.Key.ToString(), pair => pair.Value.ToString()) : new Dictionary<string, string>();

    /// <summary>Every scalar, as text.</summary>
    public IEnumerable<string> Scalars => Root.AllNodes.OfType<YamlScalarNode>().Select(scalar => scalar.Value ?? "");

    /// <summary>The environment of a deployment's one container, as a cluster makes it of what is written: "$$" is a dollar, and "$(NAME)" a variable that stands before. Without those that come from elsewhere.</summary>
    public IReadOnlyDictionary<string, string> Environment
    {
        get
        {
            var environment = new Dictionary<string, string>();
            foreach (var variable in ((YamlSequenceNode)At("spec.template.spec.containers.0.env")!).Children.Cast<YamlMappingNode>().Where(variable => variable.Children.ContainsKey("value")))
            {
                environment.Add(variable["name"].ToString(), Dollar().Replace(
                    variable["value"].ToString(), written => written.Value == "$$" ? "$" : environment.GetValueOrDefault(written.Groups[1].Value, written.Value)));
            }

            return environment;
        }
    }

    [GeneratedRegex(@"\$\$|\$\(([^)]*)\)")]
    private static partial Regex Dollar();
}
