using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Connectors.Testing;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Connectors.Charts.Tests;

/// <summary>What every object that the charts render has to be: sound by the published schema of its kind, found by its release, and in a pod that may do little.</summary>
internal static partial class ManifestRules
{
    public static async Task CheckAsync(IReadOnlyList<Manifest> manifests)
    {
        await CheckKindsAsync(manifests);
        Assert.All(manifests, Check);
    }

    public static async Task CheckKindsAsync(IReadOnlyList<Manifest> manifests) =>
        Assert.Empty(await KubernetesSchemas.FaultsAsync(JsonSerializer.Serialize(manifests.Select(manifest => Json(manifest.Root)))));

    public static void Check(Manifest manifest)
    {
        Assert.Equal("openfaas", manifest["metadata.namespace"]);
        Assert.NotNull(manifest["metadata.labels.app~kubernetes~io/instance"]);
        foreach (var path in new[] { "metadata.labels", "metadata.annotations", "spec.template.metadata.labels", "spec.template.metadata.annotations" })
        {
            Assert.All(
                (manifest.At(path) as YamlMappingNode)?.Children.ToArray() ?? [],
                pair => Assert.True(Json(pair.Value)?.GetValueKind() == JsonValueKind.String, $"{manifest.Kind} {manifest.Name}: {path}.{pair.Key} is no string"));
        }

        // What a label and the name of a service may be no schema tells, and a cluster refuses the rest.
        foreach (var path in new[] { "metadata.labels", "spec.template.metadata.labels", manifest.Kind is "Service" ? "spec.selector" : "spec.selector.matchLabels" })
        {
            Assert.All(manifest.Map(path), label => Assert.True(LabelValue().IsMatch(label.Value), $"{manifest.Kind} {manifest.Name}: {path}.{label.Key} may not be {label.Value}"));
        }

        if (manifest.Kind is "Service")
        {
            Assert.Matches(ServiceName(), manifest.Name);
        }

        if (manifest.Kind is "Deployment")
        {
            CheckPod(manifest);
        }
    }

    /// <summary>As a cluster reads it: a plain scalar is a number, a truth value or nothing where it looks like one.</summary>
    public static JsonNode? Json(YamlNode node) => node switch
    {
        YamlMappingNode map => new JsonObject(map.Children.Select(pair => KeyValuePair.Create(pair.Key.ToString(), Json(pair.Value)))),
        YamlSequenceNode list => new JsonArray([.. list.Children.Select(Json)]),
        YamlScalarNode { Style: ScalarStyle.Plain, Value: null or "" or "~" or "null" } => null,
        YamlScalarNode { Style: ScalarStyle.Plain, Value: "true" or "false" } scalar => JsonValue.Create(scalar.Value == "true"),
        YamlScalarNode { Style: ScalarStyle.Plain } scalar when long.TryParse(scalar.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => JsonValue.Create(number),
        YamlScalarNode { Style: ScalarStyle.Plain } scalar when double.TryParse(scalar.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => JsonValue.Create(number),
        _ => JsonValue.Create(((YamlScalarNode)node).Value),
    };

    private static void CheckPod(Manifest deployment)
    {
        const string Pod = "spec.template.spec";
        const string Container = $"{Pod}.containers.0";
        Assert.Subset(
            deployment.Map("spec.template.metadata.labels").Select(p => (p.Key, p.Value)).ToHashSet(),
            deployment.Map("spec.selector.matchLabels").Select(p => (p.Key, p.Value)).ToHashSet());
        Assert.Equal("true", deployment[$"{Pod}.securityContext.runAsNonRoot"]);
        Assert.Equal("RuntimeDefault", deployment[$"{Pod}.securityContext.seccompProfile.type"]);
        Assert.Equal("false", deployment[$"{Pod}.automountServiceAccountToken"]);
        Assert.Equal("true", deployment[$"{Container}.securityContext.readOnlyRootFilesystem"]);
        Assert.Equal("false", deployment[$"{Container}.securityContext.allowPrivilegeEscalation"]);
        Assert.Equal("ALL", deployment[$"{Container}.securityContext.capabilities.drop.0"]);
        Assert.NotNull(deployment[$"{Container}.resources.requests.memory"]);

        // What a cluster fills in beside RollingUpdate is refused beside Recreate, and only a null takes it away in a server-side apply.
        Assert.Equal(deployment["spec.strategy.type"] == "Recreate" ? "null" : null, deployment["spec.strategy.rollingUpdate"]);

        var volumes = Names(deployment, $"{Pod}.volumes");
        var mounts = Names(deployment, $"{Container}.volumeMounts");
        Assert.Subset(volumes, mounts);
        var variables = deployment.At($"{Container}.env") is YamlSequenceNode env ? env.Children.Select(variable => variable["name"].ToString()).ToList() : [];
        Assert.Equal(variables.Distinct(), variables);
        if (deployment.Name.EndsWith("nats", StringComparison.Ordinal))
        {
            return;
        }

        Assert.Equal("metrics", deployment[$"{Container}.readinessProbe.httpGet.port"]);
        Assert.Equal("metrics", deployment[$"{Container}.livenessProbe.httpGet.port"]);

        // The service takes five seconds more than its grace period at most, and what it waits before it.
        var stopping = Seconds(deployment, "grace_period") + Seconds(deployment, "drain_delay") + 5;
        Assert.True(int.Parse(deployment[$"{Pod}.terminationGracePeriodSeconds"]!, CultureInfo.InvariantCulture) >= stopping, $"{deployment.Name} is killed before it has stopped");
    }

    private static int Seconds(Manifest deployment, string option) =>
        int.Parse(deployment.Environment.GetValueOrDefault(option, "0").TrimEnd('s'), CultureInfo.InvariantCulture);

    private static HashSet<string> Names(Manifest manifest, string path) =>
        manifest.At(path) is YamlSequenceNode list ? [.. list.Children.Cast<YamlMappingNode>().Select(item => item["name"].ToString())] : [];

    [GeneratedRegex(@"^(?=.{0,63}\z)([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?\z")]
    private static partial Regex LabelValue();

    [GeneratedRegex(@"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?\z")]
    private static partial Regex ServiceName();
}
