using System.Text.Json.Nodes;
using Connectors.Testing;

namespace Connectors.Charts.Tests;

/// <summary>All charts below one parent, as a platform's own chart has them: each renders there what it renders alone.</summary>
public sealed class UmbrellaTests : IDisposable
{
    // A second queue-worker.
    private const string Alias = "second-one";

    // With what they have in common below, no template of a chart's own is left out.
    private static readonly Dictionary<string, string> Parts = new()
    {
        ["gateway"] = """
            {
              "nats": { "development": { "enabled": true } }, "persistence": { "enabled": true }, "scaler": { "enabled": true }, "functions": { "echo": { "image": "any/echo" } },
              "httpRoute": { "enabled": true, "parentRefs": [{ "name": "public" }] }
            }
            """,
        ["queue-worker"] = """{ "queueName": "one", "callbacks": { "secret": "hooks" }, "keda": { "enabled": true, "scalerAddress": "gateway-scaler:8090" } }""",
        [Alias] = """{ "queueName": "another", "autoscaling": { "enabled": true } }""",
        ["cron-connector"] = """{ "timezone": "Europe/Berlin" }""",
        ["kafka-connector"] = """{ "saslAuth": true, "keda": { "enabled": true, "prometheusAddress": "http://p:9090" } }""",
        ["sqs-connector"] = """{ "queueURL": "https://sqs.eu-west-1.amazonaws.com/000000000000/orders", "keda": { "enabled": true } }""",
        ["rabbitmq-connector"] = """{ "queues": [{ "name": "orders", "exclusive": true }] }""",
    };

    private readonly DirectoryInfo _parent = Directory.CreateTempSubdirectory("parent-");

    [Fact]
    public async Task Each_chart_renders_below_a_parent_what_it_renders_alone()
    {
        await MakeAsync();
        var alone = new List<Manifest>();
        foreach (var part in Parts.Keys)
        {
            var values = Path.Combine(_parent.FullName, $"{part}.json");
            await File.WriteAllTextAsync(values, ValuesOf(part).ToJsonString());
            alone.AddRange(await Helm.TemplateFolderAsync(Helm.ChartDirectory(ChartOf(part)), "r", "--values", values));
        }

        var together = await Helm.TemplateFolderAsync(_parent.FullName, "r");

        await ManifestRules.CheckAsync(together);
        Assert.Equal(Texts(alone), Texts(together));
    }

    [Fact]
    public async Task A_condition_leaves_one_out()
    {
        await MakeAsync();

        var together = await Helm.TemplateFolderAsync(_parent.FullName, "r", "--set", "kafka-connector.enabled=false");

        Assert.Equal(
            Parts.Keys.Where(part => part != "kafka-connector").Select(part => $"r-{part}").Order(),
            together.Where(m => m.Kind == "Deployment" && m.Name != "nats").Select(m => m.Name).Order());
    }

    // As OpenShift wants it, which chooses the user itself. A null in a parent's values does not take away what a chart below has there, by each Helm.
    [Fact]
    public async Task What_is_empty_in_a_parents_values_is_taken_out_of_the_security_of_the_pods()
    {
        await MakeAsync("""
            {
              "podSecurityContext": { "runAsUser": "", "runAsGroup": "", "fsGroup": "", "seccompProfile": { "type": "" } },
              "containerSecurityContext": { "readOnlyRootFilesystem": "" }
            }
            """);

        var together = await Helm.TemplateFolderAsync(_parent.FullName, "r");

        await ManifestRules.CheckKindsAsync(together);
        var pods = together.Where(m => m.Kind is "Deployment" or "Pod").Select(m => (Manifest: m, Path: m.Kind == "Pod" ? "spec" : "spec.template.spec")).ToList();
        Assert.Equal((Parts.Count * 2) + 1, pods.Count);
        Assert.All(pods, pod =>
        {
            Assert.Equal(["runAsNonRoot"], pod.Manifest.Map($"{pod.Path}.securityContext").Keys);
            Assert.Equal(["allowPrivilegeEscalation", "capabilities"], pod.Manifest.Map($"{pod.Path}.containers.0.securityContext").Keys.Order());
        });
    }

    public void Dispose() => _parent.Delete(recursive: true);

    private static string ChartOf(string part) => part == Alias ? "queue-worker" : part;

    private static JsonObject ValuesOf(string part)
    {
        var values = JsonNode.Parse(Parts[part])!.AsObject();
        foreach (var common in new[] { "podMonitor", "prometheusRule", "dashboard", "networkPolicy" })
        {
            values[common] = new JsonObject { ["enabled"] = true };
        }

        return values;
    }

    private static IEnumerable<string> Texts(IEnumerable<Manifest> manifests) =>
        manifests.Select(manifest => ManifestRules.Json(manifest.Root)!.ToJsonString().Replace(Alias, "queue-worker", StringComparison.Ordinal)).Order(StringComparer.Ordinal);

    /// <param name="more">Values for each of them beside its own.</param>
    private async Task MakeAsync(string more = "{}")
    {
        var dependencies = Parts.Keys.Select(part =>
            $"  - {{ name: {ChartOf(part)}, {(part == Alias ? $"alias: {Alias}, " : "")}version: '>=0.0.0-0', repository: 'file://{Helm.ChartDirectory(ChartOf(part))}', condition: {part}.enabled }}\n");
        await File.WriteAllTextAsync(Path.Combine(_parent.FullName, "Chart.yaml"), $"apiVersion: v2\nname: platform\nversion: 1.0.0\ndependencies:\n{string.Concat(dependencies)}");
        var values = new JsonObject();
        foreach (var part in Parts.Keys)
        {
            values[part] = ValuesOf(part);
            values[part]!["enabled"] = true;
            foreach (var (name, value) in JsonNode.Parse(more)!.AsObject())
            {
                values[part]![name] = value?.DeepClone();
            }
        }

        await File.WriteAllTextAsync(Path.Combine(_parent.FullName, "values.yaml"), values.ToJsonString());
        var (exitCode, output) = await HelmTool.RunAsync(HelmTool.Versions[^1], "dependency", "update", _parent.FullName);
        Assert.True(exitCode == 0, output);
    }
}
