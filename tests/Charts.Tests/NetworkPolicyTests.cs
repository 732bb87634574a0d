using YamlDotNet.RepresentationModel;

namespace Connectors.Charts.Tests;

/// <summary>Who comes in by which port.</summary>
public class NetworkPolicyTests
{
    public static TheoryData<string> Charts => RenderingTests.Charts;

    [Theory, MemberData(nameof(Charts))]
    public async Task With_peers_named_helm_test_still_reads_whether_the_release_is_ready(string chart)
    {
        var manifests = await Helm.TemplateAsync(chart, "r", "networkPolicy.enabled=true", "networkPolicy.from[0].namespaceSelector.matchLabels.name=monitoring");
        var test = manifests.Single(m => m.Kind == "Pod").Map("metadata.labels");

        var peers = Peers(manifests, "metrics");
        Assert.Equal(2, peers.Count);
        var admitted = Assert.Single(peers, peer => peer.Children.ContainsKey("podSelector"));
        Assert.False(admitted.Children.ContainsKey("namespaceSelector"));
        Assert.All(((YamlMappingNode)admitted["podSelector"]["matchLabels"]).Children, label => Assert.Equal(label.Value.ToString(), test[label.Key.ToString()]));
    }

    [Fact]
    public async Task Each_port_of_the_gateway_has_peers_of_its_own()
    {
        var manifests = await Helm.TemplateAsync("gateway", "r", "scaler.enabled=true", "networkPolicy.enabled=true", Named("from", "callers"), Named("metricsFrom", "monitoring"), Named("scalerFrom", "keda"));

        Assert.Equal(["callers"], Namespaces(manifests, "http"));
        Assert.Equal(["monitoring"], Namespaces(manifests, "metrics"));
        Assert.Equal(["keda"], Namespaces(manifests, "scaler"));
    }

    // As before there were more names than this one: nothing that was closed is open after an upgrade.
    [Fact]
    public async Task Peers_of_the_gateway_count_for_ports_that_have_none_of_their_own()
    {
        var manifests = await Helm.TemplateAsync("gateway", "r", "scaler.enabled=true", "networkPolicy.enabled=true", Named("from", "callers"));

        Assert.All(new[] { "http", "metrics", "scaler" }, port => Assert.Equal(["callers"], Namespaces(manifests, port)));
    }

    [Fact]
    public async Task A_port_without_peers_is_open_whoever_else_is_named()
    {
        var manifests = await Helm.TemplateAsync("gateway", "r", "networkPolicy.enabled=true", Named("metricsFrom", "monitoring"));

        Assert.Empty(Peers(manifests, "http"));
        Assert.Equal(["monitoring"], Namespaces(manifests, "metrics"));
    }

    private static string Named(string peers, string name) => $"networkPolicy.{peers}[0].namespaceSelector.matchLabels.name={name}";

    private static IEnumerable<string> Namespaces(IEnumerable<Manifest> manifests, string port) =>
        Peers(manifests, port).Where(peer => peer.Children.ContainsKey("namespaceSelector")).Select(peer => peer["namespaceSelector"]["matchLabels"]["name"].ToString());

    // Of the one rule for this port; none stands for everybody.
    private static List<YamlMappingNode> Peers(IEnumerable<Manifest> manifests, string port)
    {
        var rules = ((YamlSequenceNode)manifests.Single(m => m.Kind == "NetworkPolicy").At("spec.ingress")!).Children.Cast<YamlMappingNode>();
        var rule = Assert.Single(rules, rule => ((YamlSequenceNode)rule["ports"]).Children.Any(p => p["port"].ToString() == port));
        Assert.Single((YamlSequenceNode)rule["ports"]);
        return rule.Children.TryGetValue("from", out var from) ? [.. ((YamlSequenceNode)from).Children.Cast<YamlMappingNode>()] : [];
    }
}
