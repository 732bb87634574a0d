using YamlDotNet.RepresentationModel;

namespace Connectors.Charts.Tests;

/// <summary>As whom KEDA asks what a release is scaled by.</summary>
public class KedaTests
{
    private const string Queues = "https://sqs.eu-west-1.amazonaws.com/000000000000/orders\\,https://sqs.eu-west-1.amazonaws.com/000000000000/returns";

    public static TheoryData<string, string[]> Scaled => new()
    {
        { "gateway", ["functionsProviderUrl=http://provider:8081/", "keda.prometheusAddress=http://p:9090"] },
        { "queue-worker", ["keda.prometheusAddress=http://p:9090"] },
        { "queue-worker", ["keda.scalerAddress=gateway-scaler:8090"] },
        { "kafka-connector", ["keda.prometheusAddress=http://p:9090"] },
        { "sqs-connector", [$"queueURL={Queues}"] },
        { "rabbitmq-connector", ["keda.prometheusAddress=http://p:9090"] },
    };

    // Beside a reference KEDA would go by the owner, and not look at the reference.
    [Theory, MemberData(nameof(Scaled))]
    public async Task Every_trigger_names_the_authentication_that_the_values_name(string chart, string[] values)
    {
        var own = await TriggersAsync(chart, [.. values, "keda.authenticationRef.name=mine"]);
        var shared = await TriggersAsync(chart, [.. values, "keda.authenticationRef.name=ours", "keda.authenticationRef.kind=ClusterTriggerAuthentication"]);

        Assert.Equal(chart == "sqs-connector" ? 2 : 1, own.Count);
        Assert.All(own, trigger => Assert.Equal(new Trigger("mine", "TriggerAuthentication", null), trigger));
        Assert.All(shared, trigger => Assert.Equal(new Trigger("ours", "ClusterTriggerAuthentication", null), trigger));
    }

    [Theory, MemberData(nameof(Scaled))]
    public async Task Without_one_KEDA_is_nobody_and_to_AWS_its_operator(string chart, string[] values) => Assert.All(
        await TriggersAsync(chart, values), trigger => Assert.Equal(new Trigger(null, null, chart == "sqs-connector" ? "operator" : null), trigger));

    private static async Task<IReadOnlyList<Trigger>> TriggersAsync(string chart, string[] values)
    {
        var manifests = await Helm.TemplateAsync(chart, "r", ["keda.enabled=true", .. values]);
        await ManifestRules.CheckAsync(manifests);
        var scaled = manifests.Single(m => m.Kind == "ScaledObject");
        return
        [
            .. Enumerable.Range(0, ((YamlSequenceNode)scaled.At("spec.triggers")!).Children.Count).Select(i => $"spec.triggers.{i}")
                .Select(at => new Trigger(scaled[$"{at}.authenticationRef.name"], scaled[$"{at}.authenticationRef.kind"], scaled[$"{at}.metadata.identityOwner"])),
        ];
    }

    private sealed record Trigger(string? Name, string? Kind, string? Owner);
}
