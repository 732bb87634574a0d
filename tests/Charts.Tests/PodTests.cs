using System.Text.Json;
using System.Text.RegularExpressions;
using Connectors.Testing;
using YamlDotNet.RepresentationModel;

namespace Connectors.Charts.Tests;

/// <summary>What an operator may add to or change of every pod.</summary>
public sealed partial class PodTests
{
    private const string Pod = "spec.template.spec";
    private const string Container = $"{Pod}.containers.0";

    public static TheoryData<string> Charts => RenderingTests.Charts;

    public static TheoryData<string, string> Services => new()
    {
        { "gateway", "Gateway" }, { "queue-worker", "QueueWorker" }, { "cron-connector", "CronConnector" }, { "kafka-connector", "KafkaConnector" }, { "sqs-connector", "SqsConnector" }, { "rabbitmq-connector", "RabbitMqConnector" },
    };

    // Not those that do nothing or are older names of others. What one method of NATS's authorization asks for has a name that is made while rendering, and with
    // the value async=false the gateway is told of no NATS.
    [Theory, MemberData(nameof(Services))]
    public async Task Every_option_of_a_service_is_a_value_of_its_chart(string chart, string project)
    {
        var (_, help) = await ServiceProcess.RunAsync(project, new Dictionary<string, string>(), "--help");
        using var schema = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(Helm.ChartDirectory(chart), "values.schema.json")));
        var options = schema.RootElement.GetProperty("properties").GetProperty("options").GetProperty("properties").EnumerateObject().Select(option => option.Name).ToList();
        var templates = string.Concat(new[] { chart, "common" }.SelectMany(c => Directory.GetFiles(Path.Combine(Helm.ChartDirectory(c), "templates"), "*.tpl")).Select(File.ReadAllText));
        var rendered = NamedVariable().Matches(templates).Select(match => match.Groups[1].Value).ToList();
        var known = Option().Matches(help)
            .Where(option => !option.Groups[2].Value.StartsWith("Accepted", StringComparison.Ordinal) && !option.Groups[2].Value.StartsWith("Older name", StringComparison.Ordinal))
            .Select(option => option.Groups[1].Value).Where(name => name is not ("nats_token_file" or "nats_nkey_file" or "nats_creds_file" or "async")).ToList();

        Assert.NotEmpty(known);
        Assert.Empty(known.Except(rendered).Except(options));
        Assert.Empty(options.Intersect(rendered));
        Assert.Empty(options.Except(known));
    }

    [Fact]
    public async Task Changed_functions_make_another_pod_which_starts_when_the_first_has_ended()
    {
        const string Checksum = "spec.template.metadata.annotations.checksum/functions";
        var one = await DeploymentAsync("gateway", "functions.echo.environment.fprocess=cat");
        var other = await DeploymentAsync("gateway", "functions.echo.environment.fprocess=rev");
        var remote = await DeploymentAsync("gateway", "functionsProviderUrl=http://provider:8081/");

        Assert.Equal(("Recreate", "RollingUpdate"), (one["spec.strategy.type"], remote["spec.strategy.type"]));
        Assert.NotNull(one[Checksum]);
        Assert.NotEqual(one[Checksum], other[Checksum]);
    }

    // Cursors in its memory; a queue that is one connection's.
    [Theory]
    [InlineData("cron-connector", "nats.host=", "Recreate")]
    [InlineData("cron-connector", "nats.host=nats", "RollingUpdate")]
    [InlineData("rabbitmq-connector", "queues[1].name=mine,queues[1].exclusive=true", "Recreate")]
    [InlineData("rabbitmq-connector", "queues[1].name=mine,queues[1].exclusive=false", "RollingUpdate")]
    [InlineData("queue-worker", "strategy.type=Recreate", "Recreate")]
    public async Task An_upgrade_puts_no_second_pod_beside_one_that_has_to_be_alone(string chart, string value, string strategy)
    {
        var deployment = await DeploymentAsync(chart, value);

        Assert.Equal(strategy, deployment["spec.strategy.type"]);
        await ManifestRules.CheckAsync([deployment]);
    }

    [Theory, MemberData(nameof(Charts))]
    public async Task Helm_test_asks_the_release_whether_it_is_ready(string chart) =>
        Assert.Equal("test", (await Helm.TemplateAsync(chart, "r")).Single(manifest => manifest.Kind == "Pod")["metadata.annotations.helm~sh/hook"]);

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
    public async Task A_variable_of_the_operator_may_name_another(string chart)
    {
        var environment = (await DeploymentAsync(chart, "extraEnv.mine=at $(metrics_port) for $$1")).Environment;

        Assert.Equal($"at {environment["metrics_port"]} for $1", environment["mine"]);
    }

    [Theory, MemberData(nameof(Charts))]
    public async Task A_variable_may_come_from_a_secret(string chart)
    {
        var deployment = await DeploymentAsync(chart, "extraEnv.token.valueFrom.secretKeyRef.name=s", "extraEnv.token.valueFrom.secretKeyRef.key=k", "envFrom[0].configMapRef.name=more");
        var token = ((YamlSequenceNode)deployment.At($"{Container}.env")!).Children.Single(variable => variable["name"].ToString() == "token");

        Assert.Equal("s", token["valueFrom"]["secretKeyRef"]["name"].ToString());
        Assert.DoesNotContain("token", deployment.Environment.Keys);
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

    [Theory, MemberData(nameof(Charts))]
    public async Task Every_pod_is_placed_pulled_watched_and_secured_as_the_values_say(string chart)
    {
        var values = new[] { "podSecurityContext.runAsUser=null", "podSecurityContext.fsGroup=null", "imagePullSecrets[0].name=mirror", "imagePullSecrets[1]=other", "global.imageRegistry=mirror.example",
            "tolerations[0].key=dedicated", "nodeSelector.disk=ssd", "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight=7", "priorityClassName=high",
            "imagePullPolicy=Always" };
        var manifests = await Helm.TemplateAsync(chart, "r", [.. values, .. chart == "gateway" ? ["nats.development.enabled=true"] : Array.Empty<string>()]);
        var deployments = manifests.Where(manifest => manifest.Kind == "Deployment").ToList();
        var pods = deployments.Select(deployment => (deployment, Pod)).Append((manifests.Single(manifest => manifest.Kind == "Pod"), "spec")).ToList();

        Assert.Equal(chart == "gateway" ? 2 : 1, deployments.Count);
        Assert.All(pods, at =>
        {
            var (manifest, pod) = at;
            Assert.Null(manifest.At($"{pod}.securityContext.runAsUser"));
            Assert.Equal("true", manifest[$"{pod}.securityContext.runAsNonRoot"]);
            Assert.Equal(("mirror", "other"), (manifest[$"{pod}.imagePullSecrets.0.name"], manifest[$"{pod}.imagePullSecrets.1.name"]));
            Assert.StartsWith("mirror.example/", manifest[$"{pod}.containers.0.image"], StringComparison.Ordinal);
            Assert.Equal("Always", manifest[$"{pod}.containers.0.imagePullPolicy"]);
            Assert.Equal("dedicated", manifest[$"{pod}.tolerations.0.key"]);
            Assert.Equal("ssd", manifest[$"{pod}.nodeSelector.disk"]);
            Assert.Equal("7", manifest[$"{pod}.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution.0.weight"]);
            Assert.Equal("high", manifest[$"{pod}.priorityClassName"]);
        });
        Assert.All(deployments, deployment =>
        {
            Assert.NotNull(deployment[$"{Container}.readinessProbe.httpGet.port"]);
            Assert.NotNull(deployment[$"{Container}.livenessProbe.httpGet.port"]);
        });
    }

    // Without a selector a constraint counts no pod at all.
    [Theory, MemberData(nameof(Charts))]
    public async Task A_spread_counts_the_releases_own_pods_unless_it_says_which(string chart)
    {
        const string Constraint = "topologySpreadConstraints[0]";
        var standing = await DeploymentAsync(chart);
        var bare = await DeploymentAsync(chart, $"{Constraint}.maxSkew=2", $"{Constraint}.topologyKey=zone", $"{Constraint}.whenUnsatisfiable=DoNotSchedule");
        var selecting = await DeploymentAsync(
            chart, $"{Constraint}.maxSkew=1", $"{Constraint}.topologyKey=zone", $"{Constraint}.whenUnsatisfiable=DoNotSchedule", $"{Constraint}.labelSelector.matchLabels.tier=one");

        Assert.All([standing, bare], deployment => Assert.Equal(
            deployment.Map("spec.selector.matchLabels").OrderBy(label => label.Key, StringComparer.Ordinal),
            deployment.Map($"{Pod}.topologySpreadConstraints.0.labelSelector.matchLabels").OrderBy(label => label.Key, StringComparer.Ordinal)));
        Assert.Equal(("2", "zone", "DoNotSchedule"), (bare[$"{Pod}.topologySpreadConstraints.0.maxSkew"], bare[$"{Pod}.topologySpreadConstraints.0.topologyKey"], bare[$"{Pod}.topologySpreadConstraints.0.whenUnsatisfiable"]));
        Assert.Equal("one", selecting[$"{Pod}.topologySpreadConstraints.0.labelSelector.matchLabels.tier"]);
        Assert.Single(selecting.Map($"{Pod}.topologySpreadConstraints.0.labelSelector.matchLabels"));
        await ManifestRules.CheckAsync([standing, bare, selecting]);
    }

    [Theory]
    [InlineData("nats:2.15", "mirror.example/nats:2.15")]
    [InlineData("library/nats:2.15", "mirror.example/library/nats:2.15")]
    [InlineData("registry.example:5000/nats:2.15", "registry.example:5000/nats:2.15")]
    public async Task The_registry_goes_before_a_nats_image_that_names_none(string image, string pulled)
    {
        var manifests = await Helm.TemplateAsync("gateway", "r", "nats.development.enabled=true", "global.imageRegistry=mirror.example", $"nats.development.image={image}");

        Assert.Equal(pulled, manifests.Single(manifest => manifest.Kind == "Deployment" && manifest.Name == "nats")[$"{Container}.image"]);
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
    public async Task A_tag_of_digits_alone_is_a_tag(string chart)
    {
        using var files = new RenderedEnvironment();
        var deployment = await DeploymentAsync(chart, Helm.File + files.Write("values.yaml", "image: {tag: 20261128}"));

        Assert.EndsWith(":20261128", deployment[$"{Container}.image"], StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Charts))]
    public async Task Labels_and_annotations_of_the_operator_are_strings_and_stand_once(string chart)
    {
        var deployment = await DeploymentAsync(chart, "podAnnotations.prometheus\\.io/scrape=false", "podAnnotations.weight=3", "podLabels.tier=1");

        ManifestRules.Check(deployment);
        Assert.Equal("false", deployment["spec.template.metadata.annotations.prometheus~io/scrape"]);
        Assert.Equal("1", deployment["spec.template.metadata.labels.tier"]);
    }

    // Both together would count every pod twice.
    [Theory, MemberData(nameof(Charts))]
    public async Task A_pod_that_a_PodMonitor_scrapes_offers_itself_to_no_other_scraper(string chart)
    {
        const string Scrape = "spec.template.metadata.annotations.prometheus~io/scrape";
        var alone = await DeploymentAsync(chart);
        var monitored = await DeploymentAsync(chart, "podMonitor.enabled=true");
        var wished = await DeploymentAsync(chart, "podMonitor.enabled=true", "podAnnotations.prometheus\\.io/scrape=true");

        Assert.Equal(("true", "false", "true"), (alone[Scrape], monitored[Scrape], wished[Scrape]));
    }

    // Flux gives each commit a version of its own.
    [Theory, MemberData(nameof(Charts))]
    public async Task Another_version_of_a_chart_with_the_same_image_exchanges_no_pod(string chart)
    {
        using var copy = new ChartCopy(chart);
        var about = Path.Combine(copy.Folder, "Chart.yaml");
        await File.WriteAllTextAsync(about, (await File.ReadAllTextAsync(about)).Replace("\nversion: ", "\nversion: 9", StringComparison.Ordinal));

        var one = await DeploymentAsync(chart);
        var other = (await Helm.TemplateFolderAsync(copy.Folder, "r", [.. Helm.Options(Helm.Needed(chart))])).Single(manifest => manifest.Kind == "Deployment");

        Assert.NotEqual(one["metadata.labels.helm~sh/chart"], other["metadata.labels.helm~sh/chart"]);
        Assert.Equal(ManifestRules.Json(one.At("spec.template")!)!.ToJsonString(), ManifestRules.Json(other.At("spec.template")!)!.ToJsonString());
    }

    [Fact]
    public async Task What_is_deployed_outlives_the_release_and_may_lie_in_a_claim_of_the_operators()
    {
        const string Keep = "metadata.annotations.helm~sh/resource-policy";
        var made = await Helm.TemplateAsync("gateway", "r", "persistence.enabled=true");
        var found = await Helm.TemplateAsync("gateway", "r", "persistence.enabled=true", "persistence.existingClaim=mine");

        var claim = made.Single(manifest => manifest.Kind == "PersistentVolumeClaim");
        Assert.Equal("keep", claim[Keep]);
        Assert.Equal(claim.Name, Claim(made));
        Assert.DoesNotContain(found, manifest => manifest.Kind == "PersistentVolumeClaim");
        Assert.Equal("mine", Claim(found));

        static string? Claim(IEnumerable<Manifest> manifests) =>
            ((YamlSequenceNode)manifests.Single(manifest => manifest.Kind == "Deployment").At($"{Pod}.volumes")!).Children
                .Single(volume => volume["name"].ToString() == "data")["persistentVolumeClaim"]["claimName"].ToString();
    }

    private static async Task<Manifest> DeploymentAsync(string chart, params string[] values) =>
        (await Helm.TemplateAsync(chart, "r", values)).Single(manifest => manifest.Kind == "Deployment");

    [GeneratedRegex(@"name: ([A-Za-z_]+)\s*$", RegexOptions.Multiline)]
    private static partial Regex NamedVariable();

    [GeneratedRegex(@"^  ([A-Za-z_][A-Za-z0-9_]*)(?: \(default[^\n]*)?\n      ([^\n]*)", RegexOptions.Multiline)]
    private static partial Regex Option();
}
