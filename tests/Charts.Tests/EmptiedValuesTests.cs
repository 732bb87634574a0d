using System.Text.Json;
using System.Text.Json.Nodes;
using Connectors.Testing;
using YamlDotNet.RepresentationModel;

namespace Connectors.Charts.Tests;

/// <summary>
/// A value without anything in it, as a name with nothing behind it is, and one that is new where the values of an older version are used again: what
/// comes of it is sound, or it is refused by name. A null takes back what stood in a file before it.
/// </summary>
public sealed class EmptiedValuesTests : IDisposable
{
    private static readonly string[] All = ["podMonitor.enabled=true", "prometheusRule.enabled=true", "dashboard.enabled=true", "networkPolicy.enabled=true"];
    private static readonly string[] Scaled = ["keda.enabled=true", "keda.prometheusAddress=http://p:9090", "basic_auth=false"];

    // With those, no template of a chart is left out, and none wants a value that the schema does not: basic auth needs its secret.
    private static readonly Dictionary<string, string[]> Own = new()
    {
        ["gateway"] =
        [
            "nats.development.enabled=true", "persistence.enabled=true", "scaler.enabled=true", "ingress.enabled=true", "ingress.hosts[0]=a", "httpRoute.enabled=true",
            "httpRoute.parentRefs[0].name=p",
        ],
        ["queue-worker"] = ["keda.enabled=true", "keda.scalerAddress=gateway-scaler:8090"],
        ["cron-connector"] = ["nats.host=nats"],
        ["kafka-connector"] = Scaled,
        ["sqs-connector"] = ["keda.enabled=true", "basic_auth=false"],
        ["rabbitmq-connector"] = Scaled,
    };

    private readonly RenderedEnvironment _files = new();

    public static TheoryData<string> Charts => RenderingTests.Charts;

    [Theory, MemberData(nameof(Charts))]
    public async Task A_map_and_a_threshold_are_no_loss_or_refused_by_name(string chart)
    {
        var sound = new List<Manifest>();
        var refused = 0;
        foreach (var path in Values(chart).Where(value => value.IsMap || value.Path.Contains(".thresholds.", StringComparison.Ordinal)).Select(value => value.Path))
        {
            var runs = await Helm.RunAsync(["template", "r", Helm.ChartDirectory(chart), .. Helm.Options([.. Given(chart), $"{path}=null"])]);
            if (runs.All(run => run.ExitCode == 0))
            {
                sound.AddRange(Helm.Manifests(runs[^1].Output));
            }
            else
            {
                refused++;
                Assert.All(runs, run =>
                {
                    Assert.NotEqual(0, run.ExitCode);
                    Assert.Contains(path.Split('.')[^1], run.Output, StringComparison.Ordinal);
                    Assert.Contains("the schema(s)", run.Output, StringComparison.Ordinal);
                });
            }
        }

        Assert.True(refused > 0);
        await CheckAsync(sound);
    }

    [Theory, MemberData(nameof(Charts))]
    public async Task All_that_a_schema_does_not_require_may_be_empty(string chart)
    {
        var given = Given(chart).Select(value => value.Split('=', '[')[0]).ToHashSet();
        var empty = Values(chart).Where(value => !value.HasMore && !value.IsRequired && !given.Contains(value.Path)).Select(value => $"{value.Path}=null").ToList();

        Assert.NotEmpty(empty);
        await CheckAsync(await Helm.TemplateAsync(chart, "r", [.. Given(chart), .. empty]));
    }

    [Theory, MemberData(nameof(Charts))]
    public async Task A_null_takes_back_what_an_earlier_file_put_into_a_map(string chart)
    {
        using var schema = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(Helm.ChartDirectory(chart), "values.schema.json")));
        var names = Named(schema.RootElement, []).ToList();
        var maps = names.Select(path => string.Join('.', path[..^1])).ToHashSet();
        Assert.Subset(maps, new HashSet<string> { "extraEnv", "nodeSelector", "options", "podAnnotations", "podLabels", "serviceAccount.annotations" });

        var untouched = await Helm.TemplateAsync(chart, "r", [.. Given(chart)]);
        var manifests = await Helm.TemplateAsync(chart, "r", [.. Given(chart), With("earlier", "text"), With("later", null)]);

        Assert.Equal(untouched.Select(Text), manifests.Select(Text));

        string With(string name, string? value)
        {
            var root = new JsonObject();
            foreach (var path in names)
            {
                path[..^1].Aggregate(root, (map, step) => (map[step] ??= new JsonObject()).AsObject())[path[^1]] = value;
            }

            return Helm.File + _files.Write($"{name}.yaml", root.ToJsonString());
        }

        static string Text(Manifest manifest) => ManifestRules.Json(manifest.Root)!.ToJsonString();
    }

    public void Dispose() => _files.Dispose();

    // A name in each map whose names are the operator's, and each option: no chart has a default for them.
    private static IEnumerable<string[]> Named(JsonElement schema, string[] path)
    {
        if (schema.TryGetProperty("additionalProperties", out var any) && any.ValueKind == JsonValueKind.Object)
        {
            yield return [.. path, "mine"];
        }

        if (schema.TryGetProperty("properties", out var properties))
        {
            foreach (var property in properties.EnumerateObject())
            {
                string[] at = [.. path, property.Name];
                foreach (var found in path is ["options"] ? [at] : Named(property.Value, at))
                {
                    yield return found;
                }
            }
        }
    }

    private static IEnumerable<string> Given(string chart) => [.. Helm.Needed(chart), .. All, .. Own[chart]];

    private async Task CheckAsync(IReadOnlyList<Manifest> manifests)
    {
        await ManifestRules.CheckKindsAsync(manifests);
        Assert.DoesNotContain(manifests.SelectMany(manifest => manifest.Scalars), text => text.Contains("nil>", StringComparison.Ordinal));
        foreach (var rules in manifests.Where(manifest => manifest.Kind == "PrometheusRule").Select(manifest => ManifestRules.Json(manifest.At("spec")!)!.ToJsonString()).Distinct())
        {
            var (exitCode, output) = await Promtool.RunAsync("", "check", "rules", _files.Write("rules.yaml", rules));
            Assert.True(exitCode == 0, output);
        }
    }

    // Every name of a chart's values.yaml, and what its schema says of it.
    private static IEnumerable<(string Path, bool IsMap, bool HasMore, bool IsRequired)> Values(string chart)
    {
        using var reader = new StreamReader(Path.Combine(Helm.ChartDirectory(chart), "values.yaml"));
        var yaml = new YamlStream();
        yaml.Load(reader);
        using var schema = JsonDocument.Parse(File.ReadAllText(Path.Combine(Helm.ChartDirectory(chart), "values.schema.json")));
        return [.. Below((YamlMappingNode)yaml.Documents[0].RootNode, schema.RootElement, "")];

        static IEnumerable<(string Path, bool IsMap, bool HasMore, bool IsRequired)> Below(YamlMappingNode map, JsonElement rules, string above)
        {
            var required = rules.ValueKind == JsonValueKind.Object && rules.TryGetProperty("required", out var names) ? names.EnumerateArray().Select(name => name.GetString()).ToHashSet() : [];
            foreach (var (name, value) in map.Children.Select(pair => (pair.Key.ToString(), pair.Value)))
            {
                yield return (above + name, value is YamlMappingNode, value is YamlMappingNode { Children.Count: > 0 }, required.Contains(name));
                if (value is YamlMappingNode below)
                {
                    var known = rules.ValueKind == JsonValueKind.Object && rules.TryGetProperty("properties", out var properties) && properties.TryGetProperty(name, out var property) ? property : default;
                    foreach (var found in Below(below, known, $"{above}{name}."))
                    {
                        yield return found;
                    }
                }
            }
        }
    }
}
