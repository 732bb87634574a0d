using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Connectors.Testing;
using YamlDotNet.RepresentationModel;

namespace Connectors.Charts.Tests;

/// <summary>
/// What stands in a values file arrives as it stands there: Helm reads each of its numbers as a float, and a plain scalar that it writes is read as
/// whatever it looks like. Generated over every value of every schema.
/// </summary>
public sealed partial class ValuesFileTests : IDisposable
{
    private const string Digits = "20261128";
    private const string Pod = "spec.template.spec";
    private const string Dollars = "a$$b$(metrics_port)c$d";

    // Set together they leave no part of a chart out, but for those that exclude each other.
    private const string Everything = """
        {
          "podMonitor": { "enabled": true }, "prometheusRule": { "enabled": true }, "dashboard": { "enabled": true }, "networkPolicy": { "enabled": true },
          "serviceAccount": { "create": true }
        }
        """;

    private const string Keda = """{ "keda": { "enabled": true, "prometheusAddress": "http://p:9090" } }""";
    private const string Autoscaling = """{ "autoscaling": { "enabled": true } }""";
    private const string Remote = """{ "functionsProviderUrl": "http://provider:8081/", "service": { "type": "NodePort" }, "nats": { "external": { "enabled": true, "host": "n" } } }""";

    private const string Routed = """
        {
          "nats": { "development": { "enabled": true } }, "persistence": { "enabled": true }, "scaler": { "enabled": true },
          "ingress": { "enabled": true, "hosts": [{ "host": "a" }] }, "httpRoute": { "enabled": true, "parentRefs": [{ "name": "p" }] }
        }
        """;

    private static readonly Dictionary<string, string[]> Variants = new()
    {
        ["gateway"] = [Routed, Remote, Remote, Merged(Remote, Autoscaling), Merged(Remote, Keda)],
        ["queue-worker"] = ["{}", Autoscaling, Keda, """{ "keda": { "enabled": true, "scalerAddress": "gateway-scaler:8090" } }"""],
        ["cron-connector"] = ["{}", """{ "nats": { "host": "nats" } }""", Merged("""{ "nats": { "host": "nats" } }""", Autoscaling)],
        ["kafka-connector"] = ["""{ "saslAuth": true }""", Autoscaling, Keda],
        ["sqs-connector"] = ["{}", Autoscaling, Keda],
        ["rabbitmq-connector"] = ["{}", Autoscaling, Keda],
    };

    // What YAML, Helm, Prometheus and Kubernetes have a meaning for, at the beginning of a text and within. The last names a variable that every pod has.
    private static readonly string[] Odd =
    [
        "x: y # z",
        "'\"{{ .Values.image }}\" }} {a}: [b]'",
        "- one\ntwo: three\n  four: {{",
        "{{ template \"none\" . }}: *a &b !c %d @e \\f `g` | > ? ~",
        Dollars,
    ];

    private readonly RenderedEnvironment _files = new();

    public static TheoryData<string> Charts => RenderingTests.Charts;

    [Theory, MemberData(nameof(Charts))]
    public async Task A_large_number_is_written_as_it_stands(string chart)
    {
        // Ports and the like cannot be large. What the openfaas chart keeps below "gateway" and "gatewayExternal" wins over other names: half of the renderings go without.
        var numbers = (await LeavesAsync(chart)).Where(leaf => leaf.Takes("integer", "number") && leaf.Bound >= 9_000_000)
            .Select((leaf, i) => (leaf.Path, Number: leaf.Path[^1] == "terminationGracePeriodSeconds" ? 9_000_001 : 2_000_001 + i)).ToList();
        var shown = numbers.Where(n => n.Path[0] != "keda" || chart != "cron-connector").ToDictionary(n => string.Join('.', n.Path), n => Text(n.Number));
        var all = new List<Manifest>();
        using var noted = new NotedChart(chart);
        foreach (var (variant, i) in Variants[chart].Select((variant, i) => (variant, i)))
        {
            var values = Values(variant, numbers.Where(n => n.Path[0] is not ("gateway" or "gatewayExternal") || i % 2 == 0).Where(n => !IsOne(chart, variant, n.Path)).Select(n => (n.Path, (JsonNode)n.Number)));
            all.AddRange(await Helm.TemplateAsync(chart, "r", values));
            Assert.DoesNotMatch(Exponent(), (await noted.RenderAsync("r", values)).Output);
        }

        var texts = all.SelectMany(manifest => manifest.Scalars).ToList();
        await ManifestRules.CheckKindsAsync(all);
        Assert.DoesNotContain(texts, Exponent().IsMatch);
        Assert.DoesNotContain(shown, number => !texts.Any(text => text.Contains(number.Value, StringComparison.Ordinal)));
    }

    [Theory, MemberData(nameof(Charts))]
    public async Task Text_of_digits_stays_text(string chart)
    {
        var texts = (await LeavesAsync(chart)).Where(leaf => leaf.Takes("string") && !leaf.Takes("integer", "number") && leaf.Allows(Digits)).ToList();
        var all = new List<Manifest>();
        foreach (var variant in Variants[chart])
        {
            var values = Values(variant, texts.Where(leaf => !IsOne(chart, variant, leaf.Path)).Select(leaf => (leaf.Path, (JsonNode)Digits)));
            all.AddRange(await Helm.TemplateAsync(chart, Digits, Digits, [.. Helm.Needed(chart), .. values]));
        }

        await ManifestRules.CheckKindsAsync(all);
        Assert.All(all, manifest => Assert.Equal(Digits, manifest["metadata.namespace"]));
    }

    [Theory, MemberData(nameof(Charts))]
    public async Task Text_stays_text_whatever_it_would_be_in_YAML_or_a_template(string chart)
    {
        var texts = (await LeavesAsync(chart)).Where(leaf => leaf.Takes("string") && !leaf.Path.SequenceEqual(["prometheusRule", "selector"])).ToList();
        for (var round = 0; round < Math.Max(Odd.Length, Variants[chart].Length); round++)
        {
            var variant = Variants[chart][round % Variants[chart].Length];
            // What extraEnv holds means what it means in a pod.
            var odd = texts.Select((leaf, i) => (leaf.Path, Text: $"{Odd[(i + round) % Odd.Length]}{i}", Plain: $"plain-{i}-", Allows: leaf.Allows(Odd[(i + round) % Odd.Length])))
                .Where(leaf => leaf.Allows && !IsOne(chart, variant, leaf.Path) && (leaf.Path[0] != "extraEnv" || !leaf.Text.StartsWith(Dollars, StringComparison.Ordinal))).ToList();
            string[] selector = round % 2 == 0 ? [Helm.File + _files.Write("selector.yaml", "prometheusRule: {selector: \"job=\\\"a: b # c\\\",\\n team=~\\\"d.*\\\"\"}")] : [];

            var plain = await Helm.TemplateAsync(chart, "r", [.. Values(variant, odd.Select(leaf => (leaf.Path, (JsonNode)leaf.Plain))), .. selector]);
            var manifests = await Helm.TemplateAsync(chart, "r", [.. Values(variant, odd.Select(leaf => (leaf.Path, (JsonNode)leaf.Text))), .. selector]);

            Assert.Equal(plain.SelectMany(Shape), manifests.SelectMany(Shape));
            Assert.All(plain.Zip(manifests).Where(pair => pair.First.At("spec.template.spec.containers.0.env") is not null), pair => Assert.Equal(
                pair.First.Environment.Select(variable => (variable.Key, odd.Aggregate(variable.Value, (value, leaf) => value.Replace(leaf.Plain, leaf.Text, StringComparison.Ordinal)))),
                pair.Second.Environment.Select(variable => (variable.Key, variable.Value))));
            var (exitCode, output) = await Promtool.RunAsync("", "check", "rules", _files.Write("rules.yaml", Yaml(manifests.Single(manifest => manifest.Kind == "PrometheusRule").At("spec")!)));
            Assert.True(exitCode == 0, output);
        }
    }

    // A service refuses it when it starts, which a chart should have said before. -1 is no limit, where a pattern has it.
    [Theory, MemberData(nameof(Charts))]
    public async Task A_number_has_the_same_lower_bound_as_digits_and_as_text_and_none_is_below_zero_without_a_meaning(string chart)
    {
        var numbers = (await LeavesAsync(chart)).Where(leaf => leaf.Takes("integer") || (leaf.Takes("number") && !leaf.Takes("string"))).ToList();

        Assert.NotEmpty(numbers);
        Assert.All(numbers, leaf => Assert.True(leaf.Least >= 0 ? !leaf.Takes("string") || !leaf.Allows("-1") : leaf is { Least: -1 } && leaf.Allows("-1") && !leaf.Allows("-2"), string.Join('.', leaf.Path)));
    }

    [Theory, MemberData(nameof(Charts))]
    public async Task Truth_values_are_strings_where_a_map_holds_strings(string chart)
    {
        var maps = (await LeavesAsync(chart)).Where(leaf => leaf.Path[^1] == Leaf.Any && leaf.Takes("boolean"));
        await ManifestRules.CheckKindsAsync(await Helm.TemplateAsync(chart, "r", Values(Variants[chart][0], maps.Select(leaf => (leaf.Path, (JsonNode)true)))));
    }

    [Theory, MemberData(nameof(Charts))]
    public async Task Objects_of_Kubernetes_hold_strings_where_it_wants_them(string chart)
    {
        const string Objects = """
            {
              "nodeSelector": { "dedicated": true, "generation": 7 },
              "tolerations": [{ "key": "dedicated", "value": true, "effect": "NoExecute", "tolerationSeconds": 3000000 }],
              "affinity": {
                "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [
                  { "matchExpressions": [{ "key": "generation", "operator": "In", "values": [7, true] }] }] } },
                "podAntiAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": [
                  { "weight": 1, "podAffinityTerm": { "topologyKey": "zone", "labelSelector": { "matchLabels": { "tier": 1 } } } }] }
              },
              "topologySpreadConstraints": [{ "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": { "matchLabels": { "tier": 1 } } }],
              "podSecurityContext": { "runAsUser": 1000680000, "sysctls": [{ "name": "net.core.somaxconn", "value": 1024 }] },
              "networkPolicy": { "from": [{ "podSelector": { "matchLabels": { "tier": 1 } } }] },
              "extraEnv": [{ "name": "big", "value": 3000000 }, { "name": "on", "value": true }],
              "initContainers": [{ "name": "wait", "image": "busybox", "env": [{ "name": "n", "value": 1 }] }],
              "lifecycle": { "preStop": { "httpGet": { "port": 8080, "httpHeaders": [{ "name": "n", "value": 1 }] } } },
              "extraVolumes": [{ "name": "v", "csi": { "driver": "d", "volumeAttributes": { "readers": 3 } } }]
            }
            """;
        var manifests = await Helm.TemplateAsync(chart, "r", Values(Merged(Variants[chart][0], Objects), []));
        var deployments = manifests.Where(manifest => manifest.Kind == "Deployment").ToList();
        var own = deployments.Single(deployment => deployment.Name != "nats");

        await ManifestRules.CheckKindsAsync(manifests);
        Assert.Equal(("3000000", "true"), (own.Environment["big"], own.Environment["on"]));
        Assert.Equal("1", own[$"{Pod}.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution.0.weight"]);
        Assert.All(deployments, deployment =>
        {
            Assert.Equal(("true", "7"), (deployment[$"{Pod}.nodeSelector.dedicated"], deployment[$"{Pod}.nodeSelector.generation"]));
            Assert.Equal(("1000680000", "1024"), (deployment[$"{Pod}.securityContext.runAsUser"], deployment[$"{Pod}.securityContext.sysctls.0.value"]));
            Assert.Equal(("true", "3000000"), (deployment[$"{Pod}.tolerations.0.value"], deployment[$"{Pod}.tolerations.0.tolerationSeconds"]));
        });
    }

    [Theory]
    [InlineData("gateway", "30", "30s")]
    [InlineData("queue-worker", "\"30\"", "30s")]
    [InlineData("cron-connector", "1m30s", "1m30s")]
    [InlineData("kafka-connector", "1d", "1d")]
    [InlineData("sqs-connector", "30", "30s")]
    [InlineData("rabbitmq-connector", "2000000", "2000000s")]
    public async Task An_interval_of_a_pod_monitor_has_a_unit(string chart, string interval, string written)
    {
        var file = _files.Write("interval.yaml", $"podMonitor: {{enabled: true, interval: {interval}}}");
        var monitor = (await Helm.TemplateAsync(chart, "r", Helm.File + file)).Single(manifest => manifest.Kind == "PodMonitor");

        await ManifestRules.CheckKindsAsync([monitor]);
        Assert.Equal(written, monitor["spec.podMetricsEndpoints.0.interval"]);
    }

    public void Dispose() => _files.Dispose();

    // Every node of a manifest by its place and kind, without its text.
    private static IEnumerable<string> Shape(Manifest manifest)
    {
        return Below(manifest.Root, manifest.Kind);

        static IEnumerable<string> Below(YamlNode node, string path) => node switch
        {
            YamlMappingNode map => map.Children.SelectMany(pair => Below(pair.Value, $"{path}.{pair.Key}")),
            YamlSequenceNode list => list.Children.SelectMany((item, i) => Below(item, $"{path}.{Text(i)}")),
            _ => [path],
        };
    }

    private static string Yaml(YamlNode node)
    {
        using var text = new StringWriter();
        new YamlStream(new YamlDocument(node)).Save(text, assignAnchors: false);
        return text.ToString();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    // One pod alone: a gateway with its own functions, a cron-connector with its own cursors.
    private static bool IsOne(string chart, string variant, IReadOnlyList<string> path) =>
        (path[^1] == "replicas" && ((chart == "gateway" && variant == Routed) || (chart == "cron-connector" && variant == "{}")))
        || (path[^1] == "functionsProviderUrl" && variant == Routed);

    private string[] Values(string variant, IEnumerable<(IReadOnlyList<string> Path, JsonNode Value)> leaves)
    {
        var root = JsonNode.Parse(Merged(Everything, variant))!.AsObject();
        foreach (var (path, value) in leaves)
        {
            var at = root;
            foreach (var step in path.SkipLast(1))
            {
                at = (at[step] ??= new JsonObject()).AsObject();
            }

            at[path[^1]] ??= value.DeepClone();
        }

        return [Helm.File + _files.Write("values.yaml", root.ToJsonString())];
    }

    private static string Merged(string one, string other)
    {
        var root = JsonNode.Parse(one)!.AsObject();
        Merge(root, JsonNode.Parse(other)!.AsObject());
        return root.ToJsonString();

        static void Merge(JsonObject into, JsonObject from)
        {
            foreach (var (name, value) in from)
            {
                if (value is JsonObject below && into[name] is JsonObject there)
                {
                    Merge(there, below);
                }
                else
                {
                    into[name] = value?.DeepClone();
                }
            }
        }
    }

    private static async Task<IReadOnlyList<Leaf>> LeavesAsync(string chart)
    {
        using var schema = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(Helm.ChartDirectory(chart), "values.schema.json")));
        return [.. Leaves(schema.RootElement.Clone(), [])];
    }

    private static IEnumerable<Leaf> Leaves(JsonElement schema, IReadOnlyList<string> path)
    {
        var below = schema.TryGetProperty("properties", out var properties) ? properties.EnumerateObject().Select(p => (p.Name, p.Value)).ToList() : [];
        if (schema.TryGetProperty("additionalProperties", out var any) && any.ValueKind == JsonValueKind.Object)
        {
            below.Add((Leaf.Any, any));
        }

        return below.Count > 0 ? below.SelectMany(p => Leaves(p.Value, [.. path, p.Name])) : [new Leaf(path, schema)];
    }

    [GeneratedRegex(@"[0-9]e\+[0-9]")]
    private static partial Regex Exponent();

    private sealed record Leaf(IReadOnlyList<string> Path, JsonElement Schema)
    {
        // Of a map whose names are the operator's.
        public const string Any = "generated";

        public double Bound => Schema.TryGetProperty("enum", out _) ? 0 : Schema.TryGetProperty("maximum", out var maximum) ? maximum.GetDouble() : double.MaxValue;

        public double Least => Schema.TryGetProperty("enum", out _) ? 0 : Schema.TryGetProperty("minimum", out var minimum) ? minimum.GetDouble() : double.MinValue;

        public bool Takes(params string[] types) => Schema.TryGetProperty("type", out var type)
            && types.Any(name => type.ValueKind == JsonValueKind.Array ? type.EnumerateArray().Any(t => t.GetString() == name) : type.GetString() == name);

        public bool Allows(string text) => !Schema.TryGetProperty("enum", out _) && (!Schema.TryGetProperty("pattern", out var pattern) || Regex.IsMatch(text, pattern.GetString()!));
    }
}
