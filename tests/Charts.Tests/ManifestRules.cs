using YamlDotNet.RepresentationModel;

namespace Connectors.Charts.Tests;

/// <summary>What each kind of object that the charts render must have: small schemas of our own, and the rules for every pod.</summary>
internal static class ManifestRules
{
    private static readonly Dictionary<string, (string ApiVersion, string[] Required)> Kinds = new()
    {
        ["Deployment"] = ("apps/v1", ["spec.selector.matchLabels", "spec.template.metadata.labels", "spec.template.spec.containers"]),
        ["Service"] = ("v1", ["spec.selector", "spec.ports.0.port"]),
        ["ServiceAccount"] = ("v1", []),
        ["ConfigMap"] = ("v1", ["data"]),
        ["PersistentVolumeClaim"] = ("v1", ["spec.accessModes.0", "spec.resources.requests.storage"]),
        ["PodDisruptionBudget"] = ("policy/v1", ["spec.maxUnavailable", "spec.selector.matchLabels"]),
        ["HorizontalPodAutoscaler"] = ("autoscaling/v2", ["spec.scaleTargetRef.name", "spec.minReplicas", "spec.maxReplicas", "spec.metrics.0.resource.name"]),
        ["ScaledObject"] = ("keda.sh/v1alpha1", ["spec.scaleTargetRef.name", "spec.triggers.0.metadata.query", "spec.triggers.0.metadata.serverAddress"]),
        ["NetworkPolicy"] = ("networking.k8s.io/v1", ["spec.podSelector.matchLabels", "spec.policyTypes.0", "spec.ingress.0.ports.0.port"]),
        ["Secret"] = ("v1", ["data"]),
        ["Ingress"] = ("networking.k8s.io/v1", ["spec.rules.0.host", "spec.rules.0.http.paths.0.backend.service.name", "spec.rules.0.http.paths.0.pathType"]),
        ["HTTPRoute"] = ("gateway.networking.k8s.io/v1", ["spec.parentRefs.0.name", "spec.rules.0.backendRefs.0.name"]),
        ["PodMonitor"] = ("monitoring.coreos.com/v1", ["spec.selector.matchLabels", "spec.podMetricsEndpoints.0.port"]),
        ["PrometheusRule"] = ("monitoring.coreos.com/v1", ["spec.groups.0.name", "spec.groups.0.rules.0.alert", "spec.groups.0.rules.0.expr"]),
    };

    public static void Check(Manifest manifest)
    {
        Assert.True(Kinds.TryGetValue(manifest.Kind, out var rule), $"kind {manifest.Kind} has no rule");
        Assert.Equal(rule.ApiVersion, manifest["apiVersion"]);
        Assert.Equal("openfaas", manifest["metadata.namespace"]);
        Assert.NotNull(manifest["metadata.labels.app~kubernetes~io/instance"]);
        foreach (var path in new[] { "metadata.labels", "metadata.annotations", "spec.template.metadata.labels", "spec.template.metadata.annotations" })
        {
            Assert.All(
                (manifest.At(path) as YamlMappingNode)?.Children.ToArray() ?? [],
                pair => Assert.True(IsText(pair.Value), $"{manifest.Kind} {manifest.Name}: {path}.{pair.Key} is no string"));
        }

        Assert.All(rule.Required, path => Assert.True(manifest.At(path) is not null, $"{manifest.Kind} {manifest.Name} has no {path}"));
        if (manifest.Kind == "Deployment")
        {
            CheckPod(manifest);
        }
    }

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
        Assert.True(int.Parse(deployment[$"{Pod}.terminationGracePeriodSeconds"]!) > int.Parse(deployment.Environment["grace_period"].TrimEnd('s')));
    }

    // What YAML reads as a number, a truth value or nothing unless it is quoted.
    private static bool IsText(YamlNode node) =>
        node is YamlScalarNode { Value: { } value } scalar
        && (scalar.Style is not YamlDotNet.Core.ScalarStyle.Plain || !(double.TryParse(value, out _) || value is "" or "true" or "false" or "null" or "~"));

    private static HashSet<string> Names(Manifest manifest, string path) =>
        manifest.At(path) is YamlSequenceNode list ? [.. list.Children.Cast<YamlMappingNode>().Select(item => item["name"].ToString())] : [];
}
