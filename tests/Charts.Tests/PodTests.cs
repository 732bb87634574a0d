using YamlDotNet.RepresentationModel;

namespace Connectors.Charts.Tests;

/// <summary>What an operator may add to or change of every pod.</summary>
public class PodTests
{
    private const string Pod = "spec.template.spec";
    private const string Container = $"{Pod}.containers.0";

    public static TheoryData<string> Charts => RenderingTests.Charts;

    [Theory, MemberData(nameof(Charts))]
    public async Task A_variable_of_the_operator_replaces_the_charts_own(string chart)
    {
        var byName = await DeploymentAsync(chart, "extraEnv.grace_period=25s", "extraEnv.mine=1");
        var listed = await DeploymentAsync(chart, "extraEnv[0].name=grace_period", "extraEnv[0].value=25s", "extraEnv[1].name=mine", "extraEnv[1].value=one");

        Assert.All([byName, listed], deployment => Assert.Equal("25s", deployment.Environment["grace_period"]));
        Assert.Equal("1", byName.Environment["mine"]);
        Assert.Equal("one", listed.Environment["mine"]);
    }

    [Theory, MemberData(nameof(Charts))]
    public async Task A_variable_may_come_from_a_secret(string chart)
    {
        var deployment = await DeploymentAsync(chart, "extraEnv.token.valueFrom.secretKeyRef.name=s", "extraEnv.token.valueFrom.secretKeyRef.key=k", "envFrom[0].configMapRef.name=more");
        var token = ((YamlSequenceNode)deployment.At($"{Container}.env")!).Children.Single(variable => variable["name"].ToString() == "token");

        Assert.Equal("s", token["valueFrom"]["secretKeyRef"]["name"].ToString());
        Assert.Equal("more", deployment[$"{Container}.envFrom.0.configMapRef.name"]);
    }

    [Theory, MemberData(nameof(Charts))]
    public async Task A_private_authority_can_be_mounted(string chart)
    {
        var deployment = await DeploymentAsync(
            chart, "extraVolumes[0].name=ca", "extraVolumes[0].secret.secretName=private-ca", "extraVolumeMounts[0].name=ca", "extraVolumeMounts[0].mountPath=/etc/ssl/private-ca");

        Assert.Contains("private-ca", deployment.At($"{Pod}.volumes")!.ToString(), StringComparison.Ordinal);
        Assert.Contains("/etc/ssl/private-ca", deployment.At($"{Container}.volumeMounts")!.ToString(), StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Charts))]
    public async Task Security_contexts_hooks_and_init_containers_are_the_operators(string chart)
    {
        var deployment = await DeploymentAsync(
            chart, "podSecurityContext.runAsUser=null", "podSecurityContext.fsGroup=null", "containerSecurityContext.runAsNonRoot=true",
            "lifecycle.preStop.sleep.seconds=5", "initContainers[0].name=wait", "initContainers[0].image=busybox");

        Assert.Null(deployment.At($"{Pod}.securityContext.runAsUser"));
        Assert.Equal("true", deployment[$"{Pod}.securityContext.runAsNonRoot"]);
        Assert.Equal("true", deployment[$"{Container}.securityContext.runAsNonRoot"]);
        Assert.Equal("5", deployment[$"{Container}.lifecycle.preStop.sleep.seconds"]);
        Assert.Equal("wait", deployment[$"{Pod}.initContainers.0.name"]);
    }

    [Theory]
    [InlineData(new string[0], "ghcr.io/connectors/queue-worker:")]
    [InlineData(new[] { "image=mine/worker:7" }, "mine/worker:7")]
    [InlineData(new[] { "image.registry=registry.example", "image.tag=7" }, "registry.example/connectors/queue-worker:7")]
    [InlineData(new[] { "image.digest=sha256:ab" }, "ghcr.io/connectors/queue-worker@sha256:ab")]
    [InlineData(new[] { "global.imageRegistry=mirror.example", "image.registry=" }, "mirror.example/connectors/queue-worker:")]
    public async Task An_image_is_named_in_parts_or_whole(string[] values, string image) =>
        Assert.StartsWith(image, (await DeploymentAsync("queue-worker", values))[$"{Container}.image"], StringComparison.Ordinal);

    [Theory, MemberData(nameof(Charts))]
    public async Task Labels_and_annotations_of_the_operator_are_strings_and_stand_once(string chart)
    {
        var deployment = await DeploymentAsync(chart, "podAnnotations.prometheus\\.io/scrape=false", "podAnnotations.weight=3", "podLabels.tier=1");

        ManifestRules.Check(deployment);
        Assert.Equal("false", deployment["spec.template.metadata.annotations.prometheus~io/scrape"]);
        Assert.Equal("1", deployment["spec.template.metadata.labels.tier"]);
    }

    // Numbers of a values file are floats to Helm.
    [Theory, MemberData(nameof(Charts))]
    public async Task A_large_number_is_written_as_it_stands(string chart)
    {
        using var files = new RenderedEnvironment();
        var more = chart == "kafka-connector" ? "maxBytes: 4000000\nkafka:\n  fetch.message.max.bytes: 5000000\n" : "";
        var deployment = await DeploymentAsync(chart, Helm.File + files.Write("values.yaml", $"extraEnv:\n  big: 2000000\npodAnnotations:\n  size: 3000000\n{more}"));

        Assert.Equal("2000000", deployment.Environment["big"]);
        Assert.Equal("3000000", deployment["spec.template.metadata.annotations.size"]);
        Assert.Equal(more.Length > 0 ? ("4000000", "5000000") : (null, null), (deployment.Environment.GetValueOrDefault("max_bytes"), deployment.Environment.GetValueOrDefault("kafka_fetch.message.max.bytes")));
    }

    private static async Task<Manifest> DeploymentAsync(string chart, params string[] values) =>
        (await Helm.TemplateAsync(chart, "r", values)).Single(manifest => manifest.Kind == "Deployment");
}
