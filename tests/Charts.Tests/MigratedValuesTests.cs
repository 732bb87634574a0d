using Connectors.Testing;

namespace Connectors.Charts.Tests;

/// <summary>Values files of OpenFaaS's charts, taken over by the command <c>connectors migrate</c> and rendered.</summary>
public sealed class MigratedValuesTests : IDisposable
{
    private readonly RenderedEnvironment _files = new();

    public static TheoryData<string, string, string> Files => new()
    {
        {
            "openfaasPro: true\nclusterRole: true\noperator:\n  create: true\n  leaderElection:\n    enabled: true\nfunctionNamespace: fns\ngateway:\n  replicas: 3\n  upstreamTimeout: 15m\n  writeTimeout: 15m2s\n  readTimeout: 15m2s\nqueueWorker:\n  replicas: 3\nqueueWorkerPro:\n  maxInflight: 10\njetstreamQueueWorker:\n  mode: function\nnats:\n  external:\n    enabled: true\n    host: nats.nats\n    port: \"4222\"\n  streamReplication: 3\nsecurityContext:\n  runAsUser: 20001\nprometheus:\n  pvc:\n    enabled: true\n",
            "gateway",
            "function_namespace=fns upstream_timeout=15m write_timeout=15m2s faas_nats_address=nats.nats nats_stream_replicas=3 functions_provider_url=http://gateway-provider.openfaas:8081/"
        },
        {
            "openfaasPro: true\ngateway:\n  upstreamTimeout: 15m\nqueueWorker:\n  replicas: 3\nqueueWorkerPro:\n  maxInflight: 10\n  httpRetryCodes: \"429,503\"\njetstreamQueueWorker:\n  mode: function\n  consumer:\n    inactiveThreshold: 1m\nnats:\n  channel: jobs\n",
            "queue-worker",
            "queue_name=jobs scaling_mode=function max_inflight=10 retry_http_codes=429,503 upstream_timeout=15m consumer_inactive_threshold=1m gateway_url=http://gateway.openfaas:8080"
        },
        {
            "gateway:\n  upstreamTimeout: 2h\n  writeTimeout: 2h2s\n  readTimeout: 2h2s\nsecurityContext: true\ningress:\n  enabled: true\n  pathType: ImplementationSpecific\n  hosts:\n    - host: gateway.example.com\n      serviceName: gateway\n      servicePort: 8080\n      path: /\n",
            "gateway",
            "upstream_timeout=2h max_upstream_timeout=2h write_timeout=2h2s"
        },
        {
            "functionNamespace: fns\nserviceType: LoadBalancer\ngatewayExternal:\n  annotations:\n    service.beta.kubernetes.io/aws-load-balancer-internal: true\nk8sVersionOverride: \"1.31.0\"\nfaasnetesPro:\n  logs:\n    format: json\ningress:\n  enabled: true\n  hosts:\n    - host: gateway.example.com\n      http:\n        paths:\n          - path: /\n            pathType: Prefix\n            backend:\n              service:\n                name: gateway\n                port:\n                  number: 8080\n",
            "gateway",
            "function_namespace=fns"
        },
        { "securityContext: true\ngateway:\n  upstreamTimeout: 2h\n", "queue-worker", "upstream_timeout=2h queue_name=faas-request" },
        { "gateway:\n  upstreamTimeout: 2h\nqueueWorker:\n  ackWait: 2h\n", "queue-worker", "upstream_timeout=2h ack_wait=30s" },
        { "maxInflight: 5\nnats:\n  consumer:\n    ackWait: 2h\n", "queue-worker", "max_inflight=5 ack_wait=30s" },
        { "openfaasPro: true\nasync: true\n", "queue-worker", "queue_name=faas-request max_inflight=50" },
        {
            "maxInflight: 5\nmode: static\nnats:\n  stream:\n    name: slow-fns\n  consumer:\n    durableName: slow-fns-workers\nupstreamTimeout: 15m\n",
            "queue-worker",
            "queue_name=slow-fns max_inflight=5 upstream_timeout=15m"
        },
        { "openfaasPro: true\nbasicAuth: false\nasyncInvocation: true\n", "cron-connector", "asynchronous_invocation=true basic_auth=false" },
        {
            "topics: payment.created,customer.onboarded\nbrokerHosts: k:9092\nreplicas: 3\nmaxBytes: 2097152\nsessionLogging: false\ntls: true\nsaslAuth: true\nbrokerUsernameSecret: u\nbrokerPasswordSecret: p\n",
            "kafka-connector",
            "topics=payment.created,customer.onboarded log_sessions=false max_bytes=2097152 sasl_mechanism=PLAIN"
        },
        {
            "queueURL: https://sqs.eu-west-1.amazonaws.com/000000000000/orders\nawsDefaultRegion: eu-west-1\nmaxMessages: 10\nvisibilityTimeout: 60s\n",
            "sqs-connector",
            "queue_url=https://sqs.eu-west-1.amazonaws.com/000000000000/orders max_messages=10 visibility_timeout=60s"
        },
        {
            "rabbitmqURL: amqp://rabbitmq.rabbitmq.svc.cluster.local:5672\nqueues:\n  - name: orders\n    durable: true\ntopics: faas-request\nrabbitmqUsernameSecret: u\nrabbitmqPasswordSecret: p\n",
            "rabbitmq-connector",
            "rabbitmq_url=amqp://rabbitmq.rabbitmq.svc.cluster.local:5672 queues=[{\"durable\":true,\"name\":\"orders\"}] username_file=/var/secrets/rabbitmq-username/username"
        },
    };

    [Theory, MemberData(nameof(Files))]
    public async Task They_render_and_arrive(string values, string chart, string expected)
    {
        var manifests = await MigratedAsync(values, chart);

        await ManifestRules.CheckAsync(manifests);
        var environment = manifests.Single(m => m.Kind == "Deployment").Environment;
        Assert.All(expected.Split(' ').Select(pair => pair.Split('=', 2)), pair => Assert.Equal(pair[1], environment[pair[0]]));
    }

    // As they stand in OpenFaaS's own values.
    [Theory]
    [InlineData("gateway", "gateway")]
    [InlineData("jetstreamQueueWorker", "queue-worker")]
    public async Task A_spread_of_OpenFaaS_counts_the_pods_of_ours(string part, string chart)
    {
        var manifests = await MigratedAsync(
            $"openfaasPro: true\n{part}:\n  topologySpreadConstraints:\n    - maxSkew: 1\n      topologyKey: zone\n      whenUnsatisfiable: DoNotSchedule\n      labelSelector:\n        matchLabels:\n          app: {chart}\n", chart);
        var deployment = manifests.Single(m => m.Kind == "Deployment");

        await ManifestRules.CheckAsync(manifests);
        Assert.Equal("zone", deployment["spec.template.spec.topologySpreadConstraints.0.topologyKey"]);
        Assert.Subset(
            deployment.Map("spec.template.metadata.labels").Select(label => (label.Key, label.Value)).ToHashSet(),
            deployment.Map("spec.template.spec.topologySpreadConstraints.0.labelSelector.matchLabels").Select(label => (label.Key, label.Value)).ToHashSet());
    }

    public void Dispose() => _files.Dispose();

    private async Task<IReadOnlyList<Manifest>> MigratedAsync(string values, string chart)
    {
        var file = _files.Write("values.yaml", values);
        var into = Path.Combine(Path.GetDirectoryName(file)!, "ours");
        await using var command = ChildProcess.Start(
            "dotnet", [ServiceProcess.Assembly("connectors").Replace("/bin/connectors/", "/bin/Cli/", StringComparison.Ordinal), "migrate", file, "--into", into], new Dictionary<string, string>(), bare: true);
        Assert.True(await command.ExitAsync() == 0, string.Join('\n', command.Lines));
        return await Helm.TemplateAsync(chart, "r", Helm.File + Path.Combine(into, $"{chart}-values.yaml"));
    }
}
