using System.Text.RegularExpressions;
using Connectors.Testing;

namespace Connectors.Charts.Tests;

/// <summary>The environment that a chart renders is the one that the real service takes.</summary>
public sealed partial class EnvironmentTests : IDisposable
{
    private readonly RenderedEnvironment _rendered = new();

    // Read by libraries, not by our options: the AWS SDK and the OpenTelemetry exporter.
    private static readonly string[] OfLibraries = ["AWS_DEFAULT_REGION", "AWS_SHARED_CREDENTIALS_FILE", "OTEL_EXPORTER_OTLP_ENDPOINT"];

    private static readonly string[] SecretKeys = ["nats-user", "nats-password", "nats-token", "nats-nkey", "nats-creds", "ca.crt", "tls.crt", "tls.key"];

    public static TheoryData<string, string, string[]> Services => new()
    {
        { "gateway", "Gateway", [] },
        { "gateway", "Gateway", ["functionsProviderUrl=http://provider:8081/", "otlpEndpoint=http://otel:4317"] },
        { "gateway", "Gateway", ["gateway.upstreamTimeout=2h"] },
        { "queue-worker", "QueueWorker", [] },
        { "queue-worker", "QueueWorker", ["mode=function", "queuePartitions=2", "partition=1", "callbacks.allow=127.0.0.1", "consumer.pullMaxMessages=5", "otlpEndpoint=HTTP://otel:4317"] },
        { "queue-worker", "QueueWorker", ["nats.auth.secret=nats", "nats.tls.secret=nats-tls", "nats.tls.clientCertificate=true", "nats.tls.mode=require"] },
        { "gateway", "Gateway", ["nats.auth.secret=nats", "nats.auth.method=creds"] },
        { "cron-connector", "CronConnector", ["nats.host=nats", "nats.auth.secret=nats", "nats.auth.method=nkey"] },
        { "cron-connector", "CronConnector", [] },
        { "cron-connector", "CronConnector", ["nats.host=nats", "replicas=2", "catchUp=last", "timezone=Europe/Berlin"] },
        { "kafka-connector", "KafkaConnector", ["tls=false"] },
        { "kafka-connector", "KafkaConnector", ["tls=false", "onFailure=dead_letter", "deadLetterTopic=dead", "kafka.socket\\.keepalive\\.enable=true"] },
        { "sqs-connector", "SqsConnector", ["queueURL=https://sqs.eu-west-1.amazonaws.com/1/q"] },
        { "rabbitmq-connector", "RabbitMqConnector", ["queues[0].name=orders"] },
    };

    [Theory, MemberData(nameof(Services))]
    public async Task The_service_takes_every_rendered_variable(string chart, string project, string[] values)
    {
        var manifests = await Helm.TemplateAsync(chart, "r", values);
        foreach (var key in SecretKeys)
        {
            _rendered.Write(key, key == "nats-nkey" ? NatsIdentities.KeyFile : "secret");
        }

        var environment = _rendered.Mounted(manifests);

        var (helpCode, help) = await ServiceProcess.RunAsync(project, new Dictionary<string, string>(), "--help");
        var known = OptionName().Matches(help).Select(m => m.Groups[1].Value).ToHashSet();
        var (exitCode, config) = await ServiceProcess.RunAsync(project, environment, "--print-config");

        Assert.Equal(0, helpCode);
        Assert.Empty(environment.Keys.Where(name => !name.StartsWith("kafka_", StringComparison.Ordinal)).Except(known).Except(OfLibraries));
        Assert.True(exitCode == 0, config);
        Assert.All(
            environment.Where(variable => known.Contains(variable.Key)),
            variable => Assert.Contains($"{variable.Key}=", config, StringComparison.Ordinal));
    }

    // The kubelet asks the pod's address, which may be of IPv6 alone.
    [Theory, MemberData(nameof(RenderingTests.Charts), MemberType = typeof(RenderingTests))]
    public async Task A_pod_listens_on_every_address_of_every_family(string chart) =>
        Assert.Equal("*", (await Helm.TemplateAsync(chart, "r")).Single(manifest => manifest.Kind == "Deployment").Environment["bind_address"]);

    public void Dispose() => _rendered.Dispose();

    [GeneratedRegex(@"^  ([A-Za-z_][A-Za-z0-9_]*)(?: \(default|$)", RegexOptions.Multiline)]
    private static partial Regex OptionName();
}
