using System.Text.RegularExpressions;
using Connectors.Testing;
using YamlDotNet.RepresentationModel;

namespace Connectors.Charts.Tests;

public partial class RenderingTests
{
    public static TheoryData<string> Charts => ["gateway", "queue-worker", "cron-connector", "kafka-connector", "sqs-connector", "rabbitmq-connector"];

    public static TheoryData<string, string[]> Matrix => new()
    {
        { "queue-worker", ["mode=function", "queuePartitions=3", "partition=2", "adaptiveConcurrency=false"] },
        { "queue-worker", ["replicas=3", "nats.stream.replicas=3", "networkPolicy.enabled=true", "podMonitor.enabled=true", "prometheusRule.enabled=true", "dashboard.enabled=true"] },
        { "queue-worker", ["keda.enabled=true", "keda.prometheusAddress=http://prometheus:9090"] },
        { "queue-worker", ["keda.enabled=true", "keda.scalerAddress=gateway-scaler.openfaas:8090", "keda.minReplicas=0"] },
        { "queue-worker", ["allowedCallbackURLs={*.example.com,hooks}", "callbacks.private=false"] },
        { "gateway", ["scaler.enabled=true", "networkPolicy.enabled=true", "drainDelay=0"] },
        { "queue-worker", ["autoscaling.enabled=true", "serviceAccount.create=false", "podDisruptionBudget.enabled=false"] },
        { "queue-worker", ["callbacks.secret=hooks", "nats.auth.secret=nats", "nats.tls.secret=nats-tls", "nats.tls.clientCertificate=true", "extraEnv.a=b"] },
        { "gateway", ["functionsProviderUrl=http://provider:8081/", "async=false", "basic_auth=false"] },
        { "gateway", ["nats.development.enabled=true", "persistence.enabled=true", "functions.echo.environment.fprocess=cat"] },
        { "gateway", ["ingress.enabled=true", "ingress.hosts[0].host=gateway.example.com", "ingress.tls[0].secretName=tls", "httpRoute.enabled=true", "httpRoute.parentRefs[0].name=public"] },
        { "gateway", ["functionsProviderUrl=http://provider:8081/", "replicas=3", "service.annotations.scrape=true", "podAnnotations.prometheus\\.io/scrape=false", "podLabels.tier=1"] },
        { "queue-worker", ["extraEnv.queue_name=mine", "extraEnv.debug=true", "podMonitor.enabled=true", "podMonitor.labels.release=1"] },
        { "queue-worker", ["extraEnv[0].name=ack_wait", "extraEnv[0].value=40s", "envFrom[0].secretRef.name=more", "initContainers[0].name=wait", "initContainers[0].image=busybox"] },
        { "kafka-connector", ["saslMechanism=scram_sha512", "saslAuth=true"] },
        { "gateway", ["service.type=NodePort", "networkPolicy.enabled=true", "podMonitor.enabled=true", "prometheusRule.enabled=true", "dashboard.enabled=true"] },
        { "cron-connector", ["replicas=2", "nats.host=nats", "catchUp=all", "jitter=5s"] },
        { "cron-connector", ["basicAuth=false", "openfaasPro=true", "prometheusRule.enabled=true", "dashboard.enabled=true"] },
        { "kafka-connector", ["saslAuth=true", "caSecret=ca", "certSecret=cert", "keySecret=key"] },
        { "kafka-connector", ["kafka.group\\.instance\\.id=conn", "strategy.type=Recreate"] },
        { "kafka-connector", ["replicas=3", "extraEnv.kafka_group_instance_id.valueFrom.fieldRef.fieldPath=metadata.name"] },
        { "kafka-connector", ["replicas=3", "extraEnv.kafka_group_instance_id=conn-$$$(HOSTNAME)"] },
        { "kafka-connector", ["onFailure=dead_letter", "deadLetterTopic=dead", "concurrency=key", "prometheusRule.enabled=true", "dashboard.enabled=true"] },
        { "sqs-connector", ["awsCredentialsSecret=", "serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn=arn:aws:iam::1:role/r"] },
        { "sqs-connector", ["onFailure=release", "maxMessages=10", "prometheusRule.enabled=true", "dashboard.enabled=true"] },
        { "rabbitmq-connector", ["rabbitmqURL=amqps://rabbitmq:5671/orders", "rabbitmqUsernameSecret=u", "rabbitmqPasswordSecret=p", "caSecret=ca", "certSecret=cert", "keySecret=key"] },
        { "rabbitmq-connector", ["onFailure=reject", "deadLetterQueue=dead", "queues[0].name=a", "queues[1].name=b", "queues[1].durable=false", "prometheusRule.enabled=true", "dashboard.enabled=true"] },
    };

    [Theory, MemberData(nameof(Charts))]
    public async Task Lint_has_nothing_to_say(string chart) =>
        Assert.All(await Helm.RunAsync("lint", "--strict", Helm.ChartDirectory(chart)), run => Assert.True(run.ExitCode == 0, run.Output));

    [Theory, MemberData(nameof(Charts))]
    public async Task Defaults_render_sound_objects(string chart)
    {
        var manifests = await Helm.TemplateAsync(chart, "r");

        Assert.Contains(manifests, m => m.Kind == "Deployment");
        await ManifestRules.CheckAsync(manifests);
    }

    [Theory, MemberData(nameof(Matrix))]
    public async Task The_matrix_renders_sound_objects(string chart, string[] values)
    {
        var manifests = await Helm.TemplateAsync(chart, "r", values);

        await ManifestRules.CheckAsync(manifests);
    }

    [Theory, MemberData(nameof(Charts))]
    public async Task A_misspelt_value_is_refused_by_name(string chart)
    {
        var runs = await Helm.RunAsync("template", "r", Helm.ChartDirectory(chart), "--set", "replicaz=2", "--set", "logs.fromat=json");

        Assert.All(runs, run =>
        {
            Assert.NotEqual(0, run.ExitCode);
            Assert.Contains("replicaz", run.Output, StringComparison.Ordinal);
            Assert.Contains("fromat", run.Output, StringComparison.Ordinal);
        });
    }

    [Theory]
    [InlineData("queue-worker", "upstreamTimeout=soon", "upstreamTimeout")]
    [InlineData("queue-worker", "mode=both", "mode")]
    [InlineData("queue-worker", "nats.stream.replicas=2", "replicas")]
    [InlineData("queue-worker", "queueName=Slow Queue", "queueName")]
    [InlineData("queue-worker", "nats.consumer.ackWait=2h", "nats.consumer.ackWait: 2h is above 1h")]
    [InlineData("queue-worker", "nats.consumer.ackWait=3601", "ackWait")]
    [InlineData("kafka-connector", "onFailure=release", "onFailure")]
    [InlineData("sqs-connector", "maxMessages=11", "maxMessages")]
    [InlineData("gateway", "nats.storage=paper", "storage")]
    [InlineData("gateway", "nats.host=nats://nats", "host")]
    [InlineData("gateway", "nats.external.host=nats:4222", "host")]
    [InlineData("queue-worker", "nats.host=cafe:4222", "host")]
    [InlineData("cron-connector", "nats.host=a b", "host")]
    [InlineData("cron-connector", "replicas=2", "nats.host")]
    [InlineData("queue-worker", "keda.enabled=true", "prometheusAddress")]
    [InlineData("queue-worker", "keda.enabled=true,keda.prometheusAddress=http://p:9090,keda.minReplicas=0", "keda.scalerAddress")]
    [InlineData("queue-worker", "keda.scalerAddress=http://gateway:8090", "scalerAddress")]
    [InlineData("kafka-connector", "keda.enabled=true,keda.prometheusAddress=http://p:9090,keda.minReplicas=0", "keda.minReplicas: at least 1")]
    [InlineData("rabbitmq-connector", "queues[0].name=a,keda.enabled=true,keda.prometheusAddress=http://p:9090,keda.minReplicas=0", "keda.minReplicas: at least 1")]
    [InlineData("gateway", "functionsProviderUrl=http://provider:8081/,keda.enabled=true,keda.prometheusAddress=http://p:9090,keda.minReplicas=0", "keda.minReplicas: at least 1")]
    [InlineData("kafka-connector", "keda.minReplicas=-1", "minReplicas")]
    [InlineData("kafka-connector", "kafka.group\\.instance\\.id=conn", "kafka.group.instance.id: one for all pods")]
    [InlineData("kafka-connector", "kafka.group_instance_id=conn,strategy.type=Recreate,replicas=2", "kafka.group.instance.id: one for all pods")]
    [InlineData("kafka-connector", "kafka.group\\.instance\\.id=conn,strategy.type=Recreate,autoscaling.enabled=true", "kafka.group.instance.id: one for all pods")]
    [InlineData("kafka-connector", "kafka.group\\.instance\\.id=conn,strategy.type=Recreate,keda.enabled=true,keda.prometheusAddress=http://p:9090", "kafka.group.instance.id: one for all pods")]
    [InlineData("kafka-connector", "extraEnv.kafka_group_instance_id=conn", "kafka.group.instance.id: one for all pods")]
    [InlineData("kafka-connector", "extraEnv.kafka_group_instance_id=$$(HOSTNAME)", "kafka.group.instance.id: one for all pods")]
    [InlineData("kafka-connector", "kafka.group\\.instance\\.id=$(HOSTNAME)", "kafka.group.instance.id: one for all pods")]
    [InlineData("kafka-connector", "basicAuthSecret=null", "basicAuthSecret: the name of a secret")]
    [InlineData("sqs-connector", "queueURL=https://sqs.eu-west-1.amazonaws.com/1/q,basicAuthSecret=", "basicAuthSecret: the name of a secret")]
    [InlineData("rabbitmq-connector", "queues[0].name=a,basicAuthSecret=null", "basicAuthSecret: the name of a secret")]
    [InlineData("sqs-connector", "keda.maxReplicas=0", "maxReplicas")]
    [InlineData("queue-worker", "keda.threshold=-5", "threshold")]
    [InlineData("queue-worker", "allowedCallbackURLs={https://example.com/}", "allowedCallbackURLs")]
    [InlineData("gateway", "podMonitor.interval=1.5m", "interval")]
    [InlineData("queue-worker", "podMonitor.interval=500us", "interval")]
    [InlineData("cron-connector", "podMonitor.interval=30s1m", "interval")]
    [InlineData("kafka-connector", "podMonitor.interval=", "interval")]
    [InlineData("sqs-connector", "podMonitor.interval=-1", "interval")]
    [InlineData("rabbitmq-connector", "podMonitor.interval=0", "interval")]
    [InlineData("gateway", "gateway.replicaz=3", "replicaz")]
    [InlineData("gateway", "service.name=3d", "name")]
    [InlineData("gateway", "nats.development.name=a.b", "name")]
    [InlineData("kafka-connector", "podDisruptionBudget.unhealthyPodEvictionPolicy=Always", "unhealthyPodEvictionPolicy")]
    [InlineData("sqs-connector", "keda.authenticationRef.kind=Secret", "kind")]
    [InlineData("gateway", "gateway.replicas=3", "functionsProviderUrl")]
    [InlineData("gateway", "autoscaling.enabled=true", "functionsProviderUrl")]
    [InlineData("gateway", "basic_auth=false", "basic_auth: the embedded provider")]
    [InlineData("gateway", "nats.authorization.enabled=true", "nats.auth.secret")]
    [InlineData("gateway", "ingress.enabled=true", "ingress.hosts")]
    [InlineData("gateway", "ingress.enabled=true,ingress.hosts[0].host=ui.example.com,ingress.hosts[0].http.paths[0].backend.service.name=dashboard", "ingress.hosts: ui.example.com leads to dashboard")]
    [InlineData("gateway", "ingress.enabled=true,ingress.hosts[0].host=a,ingress.hosts[0].http.paths[0].backend.resource.name=files", "ingress.hosts: a leads to no service")]
    [InlineData("gateway", "ingress.enabled=true,ingress.hosts[0].host=a,ingress.hosts[0].serviceName=dashboard", "ingress.hosts: a leads to dashboard")]
    [InlineData("gateway", "ingress.enabled=true,ingress.hosts[0].host=a,ingress.hosts[0].http.paths[0].pathType=Suffix", "pathType")]
    [InlineData("gateway", "httpRoute.enabled=true", "httpRoute.parentRefs")]
    [InlineData("cron-connector", "autoscaling.enabled=true", "nats.host")]
    [InlineData("cron-connector", "iam.enabled=true,iam.resource={dev:env}", "iam.resource: \"dev:env\"")]
    [InlineData("cron-connector", "iam.enabled=true,iam.resource={team-*:*}", "iam.resource: \"team-*:*\"")]
    [InlineData("cron-connector", "iam.enabled=true,iam.resource={dev:*},namespaces={prod}", "namespaces: prod")]
    [InlineData("cron-connector", "iam.scope=dev", "scope")]
    [InlineData("sqs-connector", "queueURL=https://", "queueURL")]
    [InlineData("gateway", "otlpEndpoint=otel-collector:4317", "otlpEndpoint")]
    [InlineData("queue-worker", "otlpEndpoint=10.0.0.5:4317", "otlpEndpoint")]
    [InlineData("cron-connector", "otlpEndpoint=otel-collector", "otlpEndpoint")]
    [InlineData("kafka-connector", "otlpEndpoint=grpc://otel-collector:4317", "otlpEndpoint")]
    [InlineData("sqs-connector", "otlpEndpoint=http://", "otlpEndpoint")]
    [InlineData("rabbitmq-connector", "queues[0].name=a,otlpEndpoint=//otel-collector:4317", "otlpEndpoint")]
    [InlineData("rabbitmq-connector", "replicas=1", "queues: at least one queue")]
    [InlineData("rabbitmq-connector", "queues[0].durable=true", "name")]
    [InlineData("rabbitmq-connector", "queues[0].name=a,queues[0].exclusive=true,replicas=2", "queues: a is exclusive")]
    [InlineData("rabbitmq-connector", "queues[0].name=a,queues[0].exclusive=true,autoscaling.enabled=true", "queues: a is exclusive")]
    [InlineData("rabbitmq-connector", "queues[0].name=a,queues[0].exclusive=true,keda.enabled=true,keda.prometheusAddress=http://p:9090", "queues: a is exclusive")]
    [InlineData("gateway", "imagePullSecrets[0].secret=regcred", "imagePullSecrets")]
    [InlineData("cron-connector", "imagePullSecrets={a,}", "imagePullSecrets")]
    [InlineData("kafka-connector", "tolerations={dedicated}", "tolerations")]
    [InlineData("sqs-connector", "topologySpreadConstraints={zone}", "topologySpreadConstraints")]
    [InlineData("queue-worker", "networkPolicy.from={openfaas}", "from")]
    [InlineData("queue-worker", "gracePeriod=36s", "terminationGracePeriodSeconds: 40 is too short")]
    [InlineData("queue-worker", "gracePeriod=15m,terminationGracePeriodSeconds=904", "terminationGracePeriodSeconds: 904 is too short")]
    [InlineData("cron-connector", "gracePeriod=36", "terminationGracePeriodSeconds: 40 is too short")]
    [InlineData("kafka-connector", "extraEnv.grace_period=1m0.5s", "terminationGracePeriodSeconds: 40 is too short")]
    [InlineData("gateway", "drainDelay=16s", "terminationGracePeriodSeconds: 50 is too short")]
    [InlineData("rabbitmq-connector", "queues[0].name=a,rabbitmqURL=http://rabbitmq", "rabbitmqURL")]
    public async Task A_wrong_value_is_refused_by_name(string chart, string value, string named)
    {
        var runs = await Helm.RunAsync("template", "r", Helm.ChartDirectory(chart), "--set", value);

        Assert.All(runs, run =>
        {
            Assert.NotEqual(0, run.ExitCode);
            Assert.Contains(named, run.Output, StringComparison.Ordinal);
        });
    }

    [Theory]
    [InlineData("queue-worker", "gracePeriod=14m60s,terminationGracePeriodSeconds=905")]
    [InlineData("gateway", "drainDelay=0,gracePeriod=45")]
    [InlineData("sqs-connector", "extraEnv.grace_period=1m,terminationGracePeriodSeconds=65")]
    [InlineData("sqs-connector", "extraEnv.grace_period.valueFrom.fieldRef.fieldPath=metadata.name")]
    public async Task Time_enough_to_stop_is_taken(string chart, string value) => Assert.NotEmpty(await Helm.TemplateAsync(chart, "r", value));

    // The gateway refuses to start with less than every call has.
    [Theory]
    [InlineData("upstreamTimeout=59m", "1h")]
    [InlineData("upstreamTimeout=2h", "2h")]
    [InlineData("upstreamTimeout=3601", "3601")]
    [InlineData("gateway.upstreamTimeout=90m,upstreamTimeout=2h", "90m")]
    [InlineData("upstreamTimeout=2h,maxUpstreamTimeout=7200", "7200")]
    [InlineData("upstreamTimeout=30s,maxUpstreamTimeout=0.5m", "0.5m")]
    public async Task A_caller_may_ask_for_as_long_as_every_call_has(string values, string longest) =>
        Assert.Equal(longest, (await Helm.TemplateAsync("gateway", "r", values)).Single(m => m.Kind == "Deployment").Environment["max_upstream_timeout"]);

    [Theory, MemberData(nameof(Charts))]
    public async Task The_scheme_of_an_address_may_be_in_capitals(string chart) => Assert.NotEmpty(await Helm.TemplateAsync(chart, "r", "otlpEndpoint=HTTPS://otel:4317"));

    [Theory, MemberData(nameof(Charts))]
    public async Task Global_values_are_allowed(string chart) =>
        Assert.NotEmpty(await Helm.TemplateAsync(chart, "r", "global.anything=1"));

    [Theory, MemberData(nameof(Charts))]
    public async Task Two_releases_share_no_name_and_no_pod(string chart)
    {
        // Fixed names by which the others find a gateway; a second one in a namespace gives them up.
        string[] own = chart == "gateway" ? ["service.name=", "generateBasicAuth=false"] : [];
        var one = await Helm.TemplateAsync(chart, "one", own);
        var two = await Helm.TemplateAsync(chart, "two", own);

        Assert.Empty(one.Select(m => (m.Kind, m.Name)).Intersect(two.Select(m => (m.Kind, m.Name))));
        var selector = one.Single(m => m.Kind == "Deployment").Map("spec.selector.matchLabels");
        var labels = two.Single(m => m.Kind == "Deployment").Map("spec.template.metadata.labels");
        Assert.Contains(selector, pair => labels.GetValueOrDefault(pair.Key) != pair.Value);
    }

    // Grafana knows a dashboard by its file and uid, and would lose those of all releases with one that had its own.
    [Theory, MemberData(nameof(Charts))]
    public async Task A_dashboard_shows_all_releases_so_that_the_page_wants_it_of_one(string chart)
    {
        var dashboards = new List<IReadOnlyDictionary<string, string>>();
        foreach (var release in new[] { "one", "two" })
        {
            dashboards.Add((await Helm.TemplateAsync(chart, release, "dashboard.enabled=true")).Single(m => m.Name.EndsWith("-dashboard", StringComparison.Ordinal)).Map("data"));
        }

        Assert.Equal(dashboards[0], dashboards[1]);
        Assert.Contains("`dashboard.enabled` of one release of each chart", await File.ReadAllTextAsync(Path.Combine(Tools.RepositoryRoot, "docs", "kubernetes.md")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gateway", "functionsProviderUrl=http://provider:8081/")]
    [InlineData("queue-worker", "queueName=orders")]
    [InlineData("kafka-connector", "group=orders")]
    [InlineData("rabbitmq-connector", "keda.threshold=5")]
    public async Task What_a_release_is_scaled_by_is_its_own(string chart, string value)
    {
        var queries = new List<string>();
        foreach (var release in new[] { "orders", "orders-eu" })
        {
            var manifests = await Helm.TemplateAsync(chart, release, "keda.enabled=true", "keda.prometheusAddress=http://p:9090", value);
            queries.Add(manifests.Single(m => m.Kind == "ScaledObject")["spec.triggers.0.metadata.query"]!);
        }

        Assert.Equal(2, queries.Distinct().Count());
    }

    // The default is for the address that names none, and a comma too many is no queue.
    [Theory]
    [InlineData("", "awsDefaultRegion=ap-south-1")]
    [InlineData("http://localstack:4566", "awsRegion=ap-south-1", "options.AWS_ENDPOINT_URL_SQS=http://localstack:4566")]
    [InlineData("", "awsDefaultRegion=eu-south-1", "extraEnv.AWS_REGION=ap-south-1")]
    [InlineData("http://localstack:4567", "extraEnv.AWS_DEFAULT_REGION=ap-south-1", "extraEnv.AWS_ENDPOINT_URL_SQS=http://localstack:4567")]
    public async Task KEDA_asks_for_each_queue_where_the_service_does(string endpoint, params string[] values)
    {
        (string Address, string Region)[] queues =
        [
            ("https://sqs.eu-central-1.amazonaws.com/123456789012/orders", "eu-central-1"),
            ("https://SQS-FIPS.us-gov-west-1.amazonaws.com:443/1/returns.fifo", "us-gov-west-1"),
            ("https://vpce-0a1b-2c.sqs.us-west-2.vpce.amazonaws.com/1/refunds", "us-west-2"),
            ("https://eu-west-2.queue.amazonaws.com/1/letters", "eu-west-2"),
            ("http://queues.example/000000000000/parcels", "ap-south-1"),
        ];
        var manifests = await Helm.TemplateAsync("sqs-connector", "r", ["keda.enabled=true", $"queueURL={string.Join("\\, ", queues.Select(q => q.Address))}\\,", .. values]);

        await ManifestRules.CheckAsync(manifests);
        var triggers = Items(manifests.Single(m => m.Kind == "ScaledObject").At("spec.triggers")).Select(trigger => (YamlMappingNode)trigger["metadata"]).ToList();
        Assert.Equal(queues, triggers.Select(metadata => (metadata["queueURL"].ToString(), metadata["awsRegion"].ToString())));
        Assert.All(triggers, metadata => Assert.Equal(endpoint, metadata.Children.TryGetValue(new YamlScalarNode("awsEndpoint"), out var told) ? told.ToString() : ""));
    }

    [Fact]
    public async Task The_pages_routes_publish_the_two_paths_that_it_names_and_no_other()
    {
        using var files = new RenderedEnvironment();
        var page = await File.ReadAllTextAsync(Path.Combine(Tools.RepositoryRoot, "docs", "kubernetes.md"));
        var values = ValuesBlock().Matches(page).Select((block, i) => Helm.File + files.Write($"values-{i}.yaml", block.Groups[1].Value)).ToArray();
        var manifests = await Helm.TemplateAsync("gateway", "r", values);

        await ManifestRules.CheckAsync(manifests);
        var ingress = Items(Assert.Single(Items(manifests.Single(m => m.Kind == "Ingress").At("spec.rules")))["http"]["paths"]);
        var route = Items(manifests.Single(m => m.Kind == "HTTPRoute").At("spec.rules")).SelectMany(rule => Items(rule["matches"])).Select(match => match["path"]);
        Assert.Equal([("Prefix", "/function"), ("Prefix", "/async-function")], ingress.Select(path => (path["pathType"].ToString(), path["path"].ToString())));
        Assert.Equal([("PathPrefix", "/function"), ("PathPrefix", "/async-function")], route.Select(path => (path["type"].ToString(), path["value"].ToString())));
    }

    [Theory, MemberData(nameof(Charts))]
    public void Every_chart_carries_the_library_chart_as_a_link_so_that_it_installs_from_a_clone(string chart)
    {
        var link = new DirectoryInfo(Path.Combine(Helm.ChartDirectory(chart), "charts", "common"));

        Assert.Equal(Helm.ChartDirectory("common"), link.ResolveLinkTarget(returnFinalTarget: true)?.FullName);
    }

    [Theory, MemberData(nameof(Charts))]
    public async Task A_long_release_name_still_gives_valid_names(string chart)
    {
        var manifests = await Helm.TemplateAsync(chart, new string('x', 53));

        Assert.All(manifests, m => Assert.InRange(m.Name.Length, 1, 63 + "-functions".Length));
        Assert.InRange(manifests.Single(m => m.Kind == "Deployment").Name.Length, 1, 63);
    }

    private static IEnumerable<YamlNode> Items(YamlNode? list) => ((YamlSequenceNode)list!).Children;

    [GeneratedRegex(@"```yaml\n((?:ingress|httpRoute):\n.*?)```", RegexOptions.Singleline)]
    private static partial Regex ValuesBlock();
}
