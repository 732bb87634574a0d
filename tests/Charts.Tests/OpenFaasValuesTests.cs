using System.Text.Json;
using System.Text.RegularExpressions;
using Connectors.Testing;

namespace Connectors.Charts.Tests;

/// <summary>Install commands that people use with the charts of OpenFaaS: each value is honoured, named as without effect, or refused by name.</summary>
public class OpenFaasValuesTests
{
    /// <summary>Chart, release, values, and what the service is told of them.</summary>
    public static TheoryData<string, string, string, string> Commands => new()
    {
        { "queue-worker", "slow-fns", "maxInflight=5 mode=static nats.stream.name=slow-fns nats.consumer.durableName=slow-fns-workers upstreamTimeout=15m", "max_inflight=5 scaling_mode=static queue_name=slow-fns upstream_timeout=15m" },
        { "queue-worker", "slow-queue", "maxInflight=5 nats.stream.name=slow-queue nats.consumer.durableName=slow-queue-workers", "max_inflight=5 queue_name=slow-queue" },
        { "queue-worker", "slow-queue", "queueName=slow-queue maxInflight=5 nats.consumer.durableName=slow-queue-workers upstreamTimeout=15m", "queue_name=slow-queue upstream_timeout=15m" },
        { "cron-connector", "cron-connector", "openfaasPro=true", "" },
        { "cron-connector", "cron-connector", "iam.enabled=true iam.resource={dev:*,staging:*} iam.systemIssuer.url=https://gateway.example.com iam.kubernetesIssuer.url=https://kubernetes", "namespaces=dev,staging" },
        { "cron-connector", "cron-connector", "iam.enabled=true iam.resource={*}", "" },
        { "kafka-connector", "kafka-connector", "topics=payment-received brokerHost=kafka.default:9092 printResponse=true printResponseBody=true", "topics=payment-received broker_hosts=kafka.default:9092 print_response=true print_response_body=true" },
        { "kafka-connector", "kafka-connector", "topics=payment.created\\,customer.onboarded replicas=3 sessionLogging=true", "topics=payment.created,customer.onboarded log_sessions=true" },
        { "kafka-connector", "kafka-connector", "tls=true saslAuth=true brokerHosts=broker.example:9092 topics=orders brokerPasswordSecret=p brokerUsernameSecret=u", "tls=true sasl_mechanism=PLAIN topics=orders" },
        { "sqs-connector", "sqs-connector", "queueURL=https://sqs.eu-west-1.amazonaws.com/000000000000/queue awsRegion=eu-west-1 maxMessages=10 visibilityTimeout=60s", "AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1 max_messages=10 visibility_timeout=60s" },
        { "rabbitmq-connector", "rabbitmq-connector", "rabbitmqURL=amqp://rabbitmq.rabbitmq.svc.cluster.local:5672 queues[0].name=queue1 queues[0].durable=true topics=faas-request", "rabbitmq_url=amqp://rabbitmq.rabbitmq.svc.cluster.local:5672 queues=[{\"durable\":true,\"name\":\"queue1\"}]" },
        { "rabbitmq-connector", "rabbitmq-connector", "rabbitmqURL=amqps://rabbitmq:5671 queues[0].name=a rabbitmqUsernameSecret=rabbitmq-username rabbitmqPasswordSecret=rabbitmq-password caSecret=rabbitmq-ca", "username_file=/var/secrets/rabbitmq-username/username password_file=/var/secrets/rabbitmq-password/password ca_file=/var/secrets/rabbitmq-ca/ca-cert" },
        { "gateway", "openfaas", "functionNamespace=openfaas-fn basic_auth=true generateBasicAuth=true serviceType=NodePort", "function_namespace=openfaas-fn basic_auth=true" },
        { "gateway", "openfaas", "functionsProviderUrl=http://provider:8081/ openfaasPro=true gateway.replicas=3 queueWorker.replicas=3 jetstreamQueueWorker.mode=function queueWorker.maxInflight=10 dashboard.enabled=true dashboard.publicURL=https://portal.example.com dashboard.publicURLGateway=https://gateway.example.com", "" },
        { "gateway", "openfaas", "nats.external.enabled=true nats.external.host=nats.nats nats.external.port=4222 nats.streamReplication=3", "faas_nats_address=nats.nats faas_nats_port=4222 nats_stream_replicas=3" },
        { "gateway", "openfaas", "gateway.upstreamTimeout=15m gateway.writeTimeout=15m gateway.readTimeout=15m gateway.image=example/gateway:1 gateway.resources.limits.memory=512Mi", "upstream_timeout=15m write_timeout=15m read_timeout=15m" },
        { "gateway", "openfaas", "exposeServices=false gateway.directFunctions=true gateway.probeFunctions=true istio.mtls=true", "" },
        { "gateway", "openfaas", "ingress.enabled=true ingress.hosts[0].host=gateway.example.com ingress.tls[0].secretName=tls ingress.ingressClassName=nginx", "" },
        { "gateway", "openfaas", "ingress.enabled=true ingress.hosts[0].host=gateway.example.com ingress.hosts[0].http.paths[0].path=/ ingress.hosts[0].http.paths[0].pathType=Prefix ingress.hosts[0].http.paths[0].backend.service.name=gateway ingress.hosts[0].http.paths[0].backend.service.port.number=8080", "" },
        { "gateway", "openfaas", "serviceType=LoadBalancer gatewayExternal.annotations.internal=yes faasnetesPro.logs.debug=true faasnetesOem.image=example/faas-netes:1 basicAuthPlugin.replicas=1 k8sVersionOverride=1.31.0", "" },
    };

    // What a value can be beside the one in the command, where a number or a text more does not do.
    private static readonly Dictionary<string, string> Others = new()
    {
        ["mode"] = "function",
        ["iam.resource"] = "{prod:*}",
        ["serviceType"] = "LoadBalancer",
        ["ingress.hosts[0].http.paths[0].pathType"] = "Exact",
    };

    // Values that mean something only beside another.
    private static readonly Dictionary<string, string> Companions = new() { ["exposeServices"] = "serviceType=NodePort", ["basic_auth"] = "functionsProviderUrl=http://provider:8081/" };

    [Theory, MemberData(nameof(Commands))]
    public async Task A_public_command_renders_and_its_values_arrive(string chart, string release, string values, string expected)
    {
        var manifests = await Helm.TemplateAsync(chart, release, values.Split(' '));
        var environment = manifests.Single(m => m.Kind == "Deployment").Environment;

        await ManifestRules.CheckAsync(manifests);
        Assert.All(expected.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=', 2)), pair => Assert.Equal(pair[1], environment[pair[0]]));
    }

    [Fact]
    public async Task Settings_below_gateway_reach_the_pod_and_its_service()
    {
        var manifests = await Helm.TemplateAsync(
            "gateway", "openfaas", "functionsProviderUrl=http://provider:8081/", "gateway.replicas=3", "gateway.image=example/gateway:1", "gateway.resources.limits.memory=512Mi", "serviceType=NodePort", "gateway.nodePort=31112");
        var deployment = manifests.Single(m => m.Kind == "Deployment");
        var service = manifests.Single(m => m is { Kind: "Service", Name: "gateway" });

        Assert.Equal("3", deployment["spec.replicas"]);
        Assert.Equal("example/gateway:1", deployment["spec.template.spec.containers.0.image"]);
        Assert.Equal("512Mi", deployment["spec.template.spec.containers.0.resources.limits.memory"]);
        Assert.Equal(("NodePort", "31112"), (service["spec.type"], service["spec.ports.0.nodePort"]));
    }

    [Fact]
    public async Task A_false_below_gateway_is_not_taken_for_nothing() =>
        Assert.Equal("false", (await Helm.TemplateAsync("gateway", "openfaas", "gateway.scaleFromZero=false")).Single(m => m.Kind == "Deployment").Environment["scale_from_zero"]);

    [Fact]
    public async Task What_is_not_exposed_stays_inside_the_cluster() =>
        Assert.Equal("ClusterIP", (await Helm.TemplateAsync("gateway", "openfaas", "serviceType=LoadBalancer", "exposeServices=false")).Single(m => m is { Kind: "Service", Name: "gateway" })["spec.type"]);

    [Theory]
    [InlineData("service.annotations.team=a", "internal=yes team=a")]
    [InlineData("service.annotations.internal=no", "internal=yes")]
    [InlineData("exposeServices=false", "")]
    public async Task What_the_outer_service_is_told_is_told_to_the_one_that_there_is(string value, string annotations)
    {
        var manifests = await Helm.TemplateAsync("gateway", "openfaas", "serviceType=LoadBalancer", "gatewayExternal.annotations.internal=yes", value);

        await ManifestRules.CheckAsync(manifests);
        Assert.Equal(annotations, string.Join(' ', manifests.Single(m => m is { Kind: "Service", Name: "gateway" }).Map("metadata.annotations").Select(pair => $"{pair.Key}={pair.Value}").Order()));
    }

    // Nothing is dropped without a word: without the value, or with another one, the objects or the notes are others.
    [Theory, MemberData(nameof(Commands))]
    public async Task Each_value_of_a_public_command_is_heard(string chart, string release, string values, string expected)
    {
        Assert.NotNull(expected);
        using var noted = new NotedChart(chart);
        var all = values.Split(' ');
        foreach (var value in all)
        {
            var (key, text) = (value.Split('=', 2)[0], value.Split('=', 2)[1]);
            string[] beside = Companions.TryGetValue(key, out var companion) ? [companion] : [];
            var other = Others.GetValueOrDefault(key) ?? text switch { "true" => "false", "false" => "true", _ when int.TryParse(text, out var number) => $"{number + 2}", _ => text + "x" };

            var with = await noted.RenderAsync(release, [.. beside, .. all]);
            string[] without = [.. beside, .. all.Where(v => v != value)];

            Assert.True(with.ExitCode == 0, with.Output);
            Assert.True(
                with != await noted.RenderAsync(release, without) || await noted.RenderAsync(release, [.. without, $"{key}={other}"]) is (0, var changed) && changed != with.Output,
                $"{key} is dropped in silence");
        }
    }

    [Theory]
    [InlineData("iam.enabled=true iam.resource={dev:*}", "dev")]
    [InlineData("iam.enabled=true iam.resource={dev:*,staging:*} namespaces={staging}", "staging")]
    [InlineData("iam.enabled=true iam.resource={dev:*,*}", null)]
    [InlineData("iam.enabled=true iam.resource={*:*} namespaces={dev}", "dev")]
    [InlineData("iam.resource={dev:*}", null)]
    public async Task What_a_policy_allows_is_what_the_schedules_connector_calls(string values, string? namespaces) => Assert.Equal(
        namespaces, (await Helm.TemplateAsync("cron-connector", "r", values.Split(' '))).Single(m => m.Kind == "Deployment").Environment.GetValueOrDefault("namespaces"));

    [Theory]
    [InlineData("kafka-connector", "openfaasPro=true", "openfaasPro")]
    [InlineData("queue-worker", "openfaasPro=true", "openfaasPro")]
    [InlineData("queue-worker", "pprof.enabled=true", "pprof.enabled")]
    [InlineData("queue-worker", "nats.consumer.durableName=d", "nats.consumer.durableName")]
    [InlineData("gateway", "ingress.hosts[0].host=a,ingress.hosts[1].host=b,ingress.hosts[1].serviceName=gateway", "ingress.hosts[1].serviceName")]
    [InlineData("gateway", "ingress.hosts[0].host=a,ingress.hosts[0].servicePort=8080", "ingress.hosts[0].servicePort")]
    public async Task What_a_chart_takes_and_does_not_use_is_named(string chart, string value, string named)
    {
        using var noted = new NotedChart(chart);

        var (_, notes) = await noted.RenderAsync("r", value);

        Assert.Contains($"  {named}\n", notes[notes.IndexOf("Without effect here", StringComparison.Ordinal)..], StringComparison.Ordinal);
    }

    // A value that no template reads is one that is dropped.
    [Theory, MemberData(nameof(RenderingTests.Charts), MemberType = typeof(RenderingTests))]
    public void Every_value_that_a_schema_allows_is_read_by_a_template(string chart)
    {
        var templates = string.Concat(new[] { chart, "common" }
            .SelectMany(c => Directory.GetFiles(Path.Combine(Helm.ChartDirectory(c), "templates"), "*", SearchOption.AllDirectories)
                .Concat(Directory.Exists(Path.Combine(Helm.ChartDirectory(c), "files")) ? Directory.GetFiles(Path.Combine(Helm.ChartDirectory(c), "files"), "*.yaml") : []))
            .Select(File.ReadAllText));
        using var schema = JsonDocument.Parse(File.ReadAllText(Path.Combine(Helm.ChartDirectory(chart), "values.schema.json")));

        Assert.Empty(Leaves(schema.RootElement, []).Where(path => !Read(templates, path)).Select(path => string.Join('.', path)));
    }

    // By its name, as a field or in a list of names; or with a map or list above it, which is written as a whole.
    private static bool Read(string templates, string[] path) =>
        path is ["global" or "common", ..] || Regex.IsMatch(templates, $@"(?<!connectors(\.[a-z-]+)?)\.{path[^1]}\b|""{path[^1]}""")
        || Enumerable.Range(1, path.Length - 1).Any(depth => Regex.IsMatch(
            templates, $@"(toYaml|toJson|range \$\w+, \$\w+ :=|with)( \.Values| \$\.Values)\.{Regex.Escape(string.Join('.', path[..depth]))}[ )}}]"));

    private static IEnumerable<string[]> Leaves(JsonElement schema, string[] path)
    {
        var below = schema.TryGetProperty("items", out var items) ? items : schema;
        return below.TryGetProperty("properties", out var properties) && properties.EnumerateObject().Any()
            ? properties.EnumerateObject().SelectMany(property => Leaves(property.Value, [.. path, property.Name]))
            : [path];
    }

    [Fact]
    public async Task What_has_no_effect_is_named_leaf_by_leaf()
    {
        using var noted = new NotedChart("gateway");

        var (_, notes) = await noted.RenderAsync(
            "r", "queueWorker.replicas=3", "jetstreamQueueWorker.consumer.inactiveThreshold=1m", "openfaasPro=true", "gateway.directFunctions=true", "nats.image=nats:2", "dashboard.publicURL=x",
            "istio.mtls=true", "functions.httpProbe=true", "nats.external.clusterName=c");

        Assert.All(
            ["dashboard.publicURL", "functions.httpProbe", "gateway.directFunctions", "istio.mtls", "jetstreamQueueWorker.consumer.inactiveThreshold", "nats.external.clusterName", "nats.image", "openfaasPro", "queueWorker.replicas"],
            leaf => Assert.Contains($"\n  {leaf}\n", notes[notes.IndexOf("Without effect here", StringComparison.Ordinal)..].Replace("    ", "  ", StringComparison.Ordinal), StringComparison.Ordinal));
    }
}
