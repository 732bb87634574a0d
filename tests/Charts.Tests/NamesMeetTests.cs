using Connectors.Testing;
using YamlDotNet.RepresentationModel;

namespace Connectors.Charts.Tests;

/// <summary>The first install of docs/kubernetes.md: whatever one release names, a host with its port, a secret, a config map, is made by another, or the page says that the operator makes it.</summary>
public class NamesMeetTests
{
    // What a pod may name beside what the releases make: the page tells to make the secrets, and whose the hosts are.
    private static readonly string[] OperatorsSecrets = ["kafka-broker-username", "kafka-broker-password", "aws-sqs-credentials"];
    private static readonly string[] OperatorsHosts = ["kafka.kafka:9092", "sqs.eu-west-1.amazonaws.com:443", "rabbitmq.rabbitmq:5672"];

    [Fact]
    public async Task Six_releases_with_their_defaults_find_each_other()
    {
        IReadOnlyList<Manifest> all =
        [
            .. await Helm.TemplateAsync("gateway", "openfaas", "nats.development.enabled=true", "httpRoute.enabled=true", "httpRoute.parentRefs[0].name=public", "ingress.enabled=true", "ingress.hosts[0]=gateway.example.com"),
            .. await Helm.TemplateAsync("queue-worker", "queue-worker", "queueName=faas-request", "autoscaling.enabled=true"),
            .. await Helm.TemplateAsync("cron-connector", "cron-connector", "nats.host=nats.openfaas"),
            .. await Helm.TemplateAsync("kafka-connector", "kafka-connector", "topics=orders", "brokerHosts=kafka.kafka:9092", "saslAuth=true"),
            .. await Helm.TemplateAsync("sqs-connector", "sqs-connector"),
            .. await Helm.TemplateAsync("rabbitmq-connector", "rabbitmq-connector", "rabbitmqURL=amqp://rabbitmq.rabbitmq:5672"),
        ];
        var page = await File.ReadAllTextAsync(Path.Combine(Tools.RepositoryRoot, "docs", "kubernetes.md"));
        var hosts = all.Where(m => m.Kind == "Service")
            .SelectMany(m => ((YamlSequenceNode)m.At("spec.ports")!).Children.SelectMany(port => new[] { $"{m.Name}:{port["port"]}", $"{m.Name}.openfaas:{port["port"]}" }))
            .Concat(OperatorsHosts).ToHashSet();
        var secrets = Names(all, "Secret").Concat(OperatorsSecrets).ToHashSet();
        var pods = all.Where(m => m.Kind == "Deployment" && m.Name != "nats").ToList();

        Assert.Equal(6, pods.Count);
        Assert.All(OperatorsSecrets, secret => Assert.Contains(secret, page, StringComparison.Ordinal));
        foreach (var pod in pods)
        {
            Assert.All(HostsOf(pod.Environment), host => Assert.Contains(host, hosts.AsEnumerable()));
            Assert.Contains(pod["spec.template.spec.serviceAccountName"]!, Names(all, "ServiceAccount"));
            var nodes = pod.At("spec.template.spec")!.AllNodes.OfType<YamlMappingNode>().ToList();
            Assert.All(Named(nodes, "secret", "name"), name => Assert.Contains(name, secrets.AsEnumerable()));
            Assert.All(Named(nodes, "configMap", "name"), name => Assert.Contains(name, Names(all, "ConfigMap")));
            Assert.All(Named(nodes, "persistentVolumeClaim", "claimName"), name => Assert.Contains(name, Names(all, "PersistentVolumeClaim")));
        }

        // What leads to a service by its name leads to one whose pods there are.
        var backends = all.Where(m => m.Kind == "Ingress").Select(m => m["spec.rules.0.http.paths.0.backend.service.name"])
            .Concat(all.Where(m => m.Kind == "HTTPRoute").Select(m => m["spec.rules.0.backendRefs.0.name"])).ToList();
        Assert.Equal(2, backends.Count);
        Assert.All(backends, name => Assert.Contains(name!, Names(all, "Service")));
        Assert.All(
            all.Where(m => m.Kind == "Service"),
            service => Assert.Single(all, m => m.Kind == "Deployment" && service.Map("spec.selector").All(pair => m.Map("spec.template.metadata.labels").GetValueOrDefault(pair.Key) == pair.Value)));
        Assert.All(
            all.Where(m => m.Kind == "HorizontalPodAutoscaler"), m => Assert.Contains(m["spec.scaleTargetRef.name"]!, Names(all, "Deployment")));
    }

    [Fact]
    public async Task The_workers_scaler_is_the_one_that_the_gateway_offers_to_its_cluster_alone()
    {
        var gateway = await Helm.TemplateAsync("gateway", "openfaas", "scaler.enabled=true", "service.type=LoadBalancer");
        var worker = await Helm.TemplateAsync(
            "queue-worker", "slow", "queueName=slow", "keda.enabled=true", "keda.scalerAddress=gateway-scaler.openfaas:8090", "keda.minReplicas=0", "keda.threshold=7");

        var service = gateway.Single(m => m.Kind == "Service" && m.Name == "gateway-scaler");
        Assert.Equal(("ClusterIP", "8090", "scaler"), (service["spec.type"], service["spec.ports.0.port"], service["spec.ports.0.targetPort"]));
        Assert.Equal("8090", gateway.Single(m => m.Kind == "Deployment").Environment["scaler_port"]);
        var trigger = worker.Single(m => m.Kind == "ScaledObject");
        Assert.Equal(
            ("external-push", $"{service.Name}.openfaas:8090", "slow", "7", "0"),
            (trigger["spec.triggers.0.type"], trigger["spec.triggers.0.metadata.scalerAddress"], trigger["spec.triggers.0.metadata.queueName"],
                trigger["spec.triggers.0.metadata.threshold"], trigger["spec.minReplicaCount"]));
    }

    // What another server was reached by may still stand among the values.
    [Theory]
    [InlineData("nats.port=4333")]
    [InlineData("nats.external.enabled=true", "nats.external.host=elsewhere", "nats.external.port=4333")]
    public async Task The_gateway_finds_the_development_server_on_the_port_of_its_service(params string[] values)
    {
        var manifests = await Helm.TemplateAsync("gateway", "openfaas", ["nats.development.enabled=true", .. values]);

        var service = manifests.Single(m => m is { Kind: "Service", Name: "nats" });
        var environment = manifests.Single(m => m.Kind == "Deployment" && m.Name != "nats").Environment;
        Assert.Equal((service.Name, service["spec.ports.0.port"]), (environment["faas_nats_address"], environment["faas_nats_port"]));
    }

    [Theory]
    [InlineData("replicas=1", "*")]
    [InlineData("allowedCallbackURLs={}", "none")]
    [InlineData("allowedCallbackURLs={*.example.com,hooks}", "*.example.com,hooks")]
    public async Task Where_callbacks_may_go_reaches_the_worker(string value, string option) =>
        Assert.Equal(option, (await Helm.TemplateAsync("queue-worker", "r", value)).Single(m => m.Kind == "Deployment").Environment["allowed_callback_urls"]);

    // Of addresses, of lists of brokers, and of host and port that stand apart.
    private static IEnumerable<string> HostsOf(IReadOnlyDictionary<string, string> environment) =>
    [
        .. environment.Values.Where(value => value.Contains("://", StringComparison.Ordinal) && !value.Contains('{', StringComparison.Ordinal)).Select(value => new Uri(value)).Select(url => $"{url.Host}:{url.Port}"),
        .. environment.TryGetValue("broker_hosts", out var brokers) ? brokers.Split(',') : [],
        .. environment.TryGetValue("nats_host", out var nats) ? [$"{nats}:{environment["nats_port"]}"] : Array.Empty<string>(),
        .. environment.TryGetValue("faas_nats_address", out var address) ? [$"{address}:{environment["faas_nats_port"]}"] : Array.Empty<string>(),
    ];

    private static List<string> Names(IEnumerable<Manifest> all, string kind) => [.. all.Where(m => m.Kind == kind).Select(m => m.Name)];

    private static IEnumerable<string> Named(IEnumerable<YamlMappingNode> nodes, string kind, string key) =>
        nodes.Where(node => node.Children.TryGetValue(new YamlScalarNode(kind), out var source) && source is YamlMappingNode named && named.Children.ContainsKey(new YamlScalarNode(key)))
            .Select(node => node[kind][key].ToString());
}
