using Connectors.Testing;

namespace Connectors.Charts.Tests;

/// <summary>Install commands that people use with the charts of OpenFaaS: each value is honoured, named as without effect, or refused by name.</summary>
public class OpenFaasValuesTests
{
    [Theory]
    [InlineData("queue-worker", "slow-fns", "maxInflight=5 mode=static nats.stream.name=slow-fns nats.consumer.durableName=slow-fns-workers upstreamTimeout=15m", "max_inflight=5 scaling_mode=static queue_name=slow-fns upstream_timeout=15m")]
    [InlineData("queue-worker", "slow-queue", "maxInflight=5 nats.stream.name=slow-queue nats.consumer.durableName=slow-queue-workers", "max_inflight=5 queue_name=slow-queue")]
    [InlineData("queue-worker", "slow-queue", "queueName=slow-queue maxInflight=5 nats.consumer.durableName=slow-queue-workers upstreamTimeout=15m", "queue_name=slow-queue upstream_timeout=15m")]
    [InlineData("cron-connector", "cron-connector", "openfaasPro=true", "")]
    [InlineData("kafka-connector", "kafka-connector", "topics=payment-received brokerHost=kafka.default:9092 printResponse=true printResponseBody=true", "topics=payment-received broker_hosts=kafka.default:9092 print_response=true print_response_body=true")]
    [InlineData("kafka-connector", "kafka-connector", "topics=payment.created\\,customer.onboarded replicas=3 sessionLogging=true", "topics=payment.created,customer.onboarded log_sessions=true")]
    [InlineData("kafka-connector", "kafka-connector", "tls=true saslAuth=true brokerHosts=broker.example:9092 topics=orders brokerPasswordSecret=p brokerUsernameSecret=u", "tls=true sasl_mechanism=PLAIN topics=orders")]
    [InlineData("sqs-connector", "sqs-connector", "queueURL=https://sqs.eu-west-1.amazonaws.com/000000000000/queue awsRegion=eu-west-1 maxMessages=10 visibilityTimeout=60s", "AWS_DEFAULT_REGION=eu-west-1 max_messages=10 visibility_timeout=60s")]
    [InlineData("gateway", "openfaas", "functionNamespace=openfaas-fn basic_auth=true generateBasicAuth=true serviceType=NodePort", "function_namespace=openfaas-fn basic_auth=true")]
    [InlineData("gateway", "openfaas", "functionsProviderUrl=http://provider:8081/ openfaasPro=true gateway.replicas=3 queueWorker.replicas=3 jetstreamQueueWorker.mode=function queueWorker.maxInflight=10 dashboard.enabled=true dashboard.publicURL=https://portal.example.com", "")]
    [InlineData("gateway", "openfaas", "nats.external.enabled=true nats.external.host=nats.nats nats.external.port=4222 nats.streamReplication=3", "faas_nats_address=nats.nats faas_nats_port=4222 nats_stream_replicas=3")]
    [InlineData("gateway", "openfaas", "gateway.upstreamTimeout=15m gateway.writeTimeout=15m gateway.readTimeout=15m gateway.image=example/gateway:1 gateway.resources.limits.memory=512Mi", "upstream_timeout=15m write_timeout=15m read_timeout=15m")]
    [InlineData("gateway", "openfaas", "exposeServices=false gateway.directFunctions=true gateway.probeFunctions=true istio.mtls=true", "")]
    [InlineData("gateway", "openfaas", "ingress.enabled=true ingress.hosts[0].host=gateway.example.com ingress.tls[0].secretName=tls ingress.ingressClassName=nginx", "")]
    public async Task A_public_command_renders_and_its_values_arrive(string chart, string release, string values, string expected)
    {
        var manifests = await Helm.TemplateAsync(chart, release, values.Split(' '));
        var environment = manifests.Single(m => m.Kind == "Deployment").Environment;

        Assert.All(manifests, ManifestRules.Check);
        Assert.All(expected.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=', 2)), pair => Assert.Equal(pair[1], environment[pair[0]]));
    }

    [Fact]
    public async Task Settings_below_gateway_reach_the_pod_and_its_service()
    {
        var manifests = await Helm.TemplateAsync(
            "gateway", "openfaas", "functionsProviderUrl=http://provider:8081/", "gateway.replicas=3", "gateway.image=example/gateway:1", "gateway.resources.limits.memory=512Mi", "serviceType=NodePort", "gateway.nodePort=31112");
        var deployment = manifests.Single(m => m.Kind == "Deployment");
        var service = manifests.Single(m => m.Kind == "Service");

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
        Assert.Equal("ClusterIP", (await Helm.TemplateAsync("gateway", "openfaas", "serviceType=LoadBalancer", "exposeServices=false")).Single(m => m.Kind == "Service")["spec.type"]);

    [Fact]
    public async Task What_has_no_effect_is_named_leaf_by_leaf()
    {
        // The notes are not part of what "helm template" shows, so a copy of the chart renders their list as an object.
        var copy = Directory.CreateTempSubdirectory("chart-");
        try
        {
            Copy(new DirectoryInfo(Helm.ChartDirectory("gateway")), copy);
            await File.WriteAllTextAsync(
                Path.Combine(copy.FullName, "templates", "leaves.yaml"), "kind: Leaves\nmetadata:\n  name: leaves\nleaves: {{ include \"connectors.withoutEffect\" . | trim | nindent 2 }}\n");

            var runs = await Helm.RunAsync(
                "template", "r", copy.FullName, "--show-only", "templates/leaves.yaml", "--set",
                "queueWorker.replicas=3,jetstreamQueueWorker.consumer.inactiveThreshold=1m,openfaasPro=true,gateway.directFunctions=true,nats.image=nats:2,dashboard.publicURL=x,istio.mtls=true,functions.httpProbe=true,nats.external.clusterName=c");

            Assert.All(runs, run => Assert.True(run.ExitCode == 0, run.Output));
            Assert.All(runs, run => Assert.Equal(
                ["dashboard.publicURL", "functions.httpProbe", "gateway.directFunctions", "istio.mtls", "jetstreamQueueWorker.consumer.inactiveThreshold", "nats.external.clusterName", "nats.image", "openfaasPro", "queueWorker.replicas"],
                run.Output.Split('\n').Select(line => line.Trim()).Where(line => line.StartsWith("- ", StringComparison.Ordinal)).Select(line => line[2..]).Order(StringComparer.Ordinal)));
        }
        finally
        {
            copy.Delete(recursive: true);
        }
    }

    private static void Copy(DirectoryInfo from, DirectoryInfo to)
    {
        foreach (var file in from.GetFiles())
        {
            file.CopyTo(Path.Combine(to.FullName, file.Name));
        }

        foreach (var folder in from.GetDirectories())
        {
            Copy(folder, to.CreateSubdirectory(folder.Name));
        }
    }
}
