using System.Text.Json;
using Connectors.Testing;

namespace Connectors.Charts.Tests;

/// <summary>Whatever a schema lists as allowed, the service takes: each value of each enumeration and each bound is rendered from a values file and given to the real program.</summary>
public sealed class SchemaTests : IDisposable
{
    // What belongs to Kubernetes alone.
    private static readonly string[] NotTheServices =
        ["imagePullPolicy", "service.", "serviceType", "replicas", "gateway.replicas", "terminationGracePeriodSeconds", "autoscaling.", "keda.", "prometheusRule.", "podDisruptionBudget."];

    // Values that make sense only beside others.
    private static readonly Dictionary<string, string[]> Companions = new()
    {
        ["onFailure=dead_letter"] = ["deadLetterTopic=dead"],
        ["catchUp=last"] = ["nats.host=nats"],
        ["catchUp=all"] = ["nats.host=nats"],
        ["queuePartitions=1000"] = ["mode=function"],
        ["partition=999"] = ["mode=function", "queuePartitions=1000"],
        ["saslMechanism"] = ["saslAuth=true"],
        ["nats.auth.method"] = ["nats.auth.secret=nats", "nats.host=nats"],
    };

    private readonly RenderedEnvironment _rendered = new();

    public static TheoryData<string, string, string> Allowed()
    {
        var data = new TheoryData<string, string, string>();
        foreach (var (chart, project) in new[] { ("gateway", "Gateway"), ("queue-worker", "QueueWorker"), ("cron-connector", "CronConnector"), ("kafka-connector", "KafkaConnector"), ("sqs-connector", "SqsConnector"), ("rabbitmq-connector", "RabbitMqConnector") })
        {
            using var schema = JsonDocument.Parse(File.ReadAllText(Path.Combine(Helm.ChartDirectory(chart), "values.schema.json")));
            var allowed = Values(schema.RootElement, "").Where(v => !NotTheServices.Any(name => name.EndsWith('.') ? v.Path.StartsWith(name, StringComparison.Ordinal) : v.Path == name))
                .ToLookup(v => v.Path, v => v.Value);

            // As many at once as go together: in each round, the next value of every name.
            for (var round = 0; round < allowed.Max(values => values.Count()); round++)
            {
                data.Add(chart, project, string.Join(' ', allowed.Select(values => $"{values.Key}={values.ElementAt(round % values.Count())}")));
            }
        }

        return data;
    }

    [Theory, MemberData(nameof(Allowed))]
    public async Task The_service_takes_every_value_that_the_schema_allows(string chart, string project, string round)
    {
        foreach (var key in new[] { "nats-user", "nats-password", "nats-token", "nats-creds", "ca.crt", "broker-username/broker-username", "broker-password/broker-password", "aws-credentials/aws-sqs-credentials" })
        {
            _rendered.Write(key, "secret");
        }

        _rendered.Write("nats-nkey", NatsIdentities.KeyFile);
        var values = round.Split(' ');
        var companions = values.SelectMany(value => Companions.GetValueOrDefault(value) ?? Companions.GetValueOrDefault(value.Split('=')[0]) ?? [])
            .Where(c => chart == "cron-connector" || c != "nats.host=nats").Where(c => chart == "kafka-connector" || c != "deadLetterTopic=dead");
        var files = values.Select((value, i) => Helm.File + _rendered.Write(
            $"values-{i}.yaml", string.Concat(value.Split('=')[0].Split('.').Select((name, depth) => $"\n{new string(' ', depth)}{name}:")) + $" {value.Split('=')[1]}"));
        var manifests = await Helm.TemplateAsync(chart, "r", [.. companions, .. files]);

        var (exitCode, config) = await ServiceProcess.RunAsync(project, _rendered.Mounted(manifests), "--print-config");

        Assert.True(exitCode == 0, config);
    }

    // Its port is a value of its own, and what stood behind a path or another port would be asked elsewhere than was meant.
    [Theory]
    [InlineData("")]
    [InlineData("http://")]
    [InlineData("HTTPS://")]
    public async Task The_gateway_of_a_queue_worker_is_a_host_alone(string scheme)
    {
        foreach (var host in new[] { "gateway", "gateway.openfaas", "10.0.0.1", "[fd00::1]" })
        {
            foreach (var end in new[] { "", "/" })
            {
                var manifests = await Helm.TemplateAsync("queue-worker", "r", $"gateway.host={scheme}{host}{end}", "gateway.port=8088");
                var url = manifests.Single(manifest => manifest.Kind == "Deployment").Environment["gateway_url"];

                Assert.Equal($"{(scheme.Length == 0 ? "http://" : scheme)}{host}:8088", url);
                Assert.Equal("/", new Uri(url).PathAndQuery);
            }

            foreach (var more in new[] { ":8080", ":8080/", "/api", "//", "?a", "#a", "@b", " b" })
            {
                await IsRefusedAsync($"{scheme}{host}{more}");
            }
        }

        foreach (var host in new[] { "", "/", "ftp://gateway", "fd00::1" })
        {
            await IsRefusedAsync($"{scheme}{host}");
        }

        static async Task IsRefusedAsync(string host) => Assert.All(
            await Helm.RunAsync("template", "r", Helm.ChartDirectory("queue-worker"), "--set", $"gateway.host={host}"),
            run =>
            {
                Assert.True(run.ExitCode != 0, host);
                Assert.Matches("gateway[./]host", run.Output);
            });
    }

    public void Dispose() => _rendered.Dispose();

    private static IEnumerable<(string Path, string Value)> Values(JsonElement schema, string path)
    {
        if (schema.TryGetProperty("enum", out var values))
        {
            foreach (var value in values.EnumerateArray().Where(v => v.ToString().Length > 0))
            {
                yield return (path, value.ToString());
            }
        }

        foreach (var bound in new[] { "minimum", "maximum" })
        {
            if (schema.TryGetProperty(bound, out var value))
            {
                yield return (path, value.ToString());
            }
        }

        if (schema.TryGetProperty("properties", out var properties))
        {
            foreach (var found in properties.EnumerateObject().SelectMany(p => Values(p.Value, path.Length == 0 ? p.Name : $"{path}.{p.Name}")))
            {
                yield return found;
            }
        }
    }
}
