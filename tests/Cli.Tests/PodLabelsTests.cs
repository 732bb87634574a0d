using Connectors.Cli.Migration;
using YamlDotNet.RepresentationModel;

namespace Connectors.Cli.Tests;

/// <summary>OpenFaaS's pods say by the labels app, component and name which part they are.</summary>
public class PodLabelsTests
{
    [Theory]
    [InlineData("{matchLabels: {app: gateway}}", "{matchLabels: {app.kubernetes.io/name: gateway}}")]
    [InlineData("{matchLabels: {app: queue-worker, component: queue-worker, tier: one}}", "{matchLabels: {app.kubernetes.io/name: queue-worker, tier: one}}")]
    [InlineData("{matchLabels: {app: cron-connector, name: cron-connector}}", "{matchLabels: {app.kubernetes.io/name: cron-connector}}")]
    [InlineData("{matchExpressions: [{key: app, operator: In, values: [gateway, queue-worker]}]}", "{matchExpressions: [{key: app.kubernetes.io/name, operator: In, values: [gateway, queue-worker]}]}")]
    public void A_selector_that_means_a_part_means_ours(string given, string ours)
    {
        var constraints = Yaml($"[{{topologyKey: zone, labelSelector: {given}}}]");
        var terms = Yaml($"[{{weight: 1, podAffinityTerm: {{topologyKey: zone, labelSelector: {given}}}}}]");

        Assert.All([constraints, terms], value => Assert.True(PodLabels.Rename(value)!.IsRenamed));
        Assert.Equal(Sorted(Yaml($"[{{topologyKey: zone, labelSelector: {ours}}}]")), Sorted(constraints));
        Assert.Equal(Sorted(Yaml($"[{{weight: 1, podAffinityTerm: {{topologyKey: zone, labelSelector: {ours}}}}}]")), Sorted(terms));
    }

    [Theory]
    [InlineData("{matchLabels: {app: mine}}")]
    [InlineData("{matchLabels: {tier: gateway}}")]
    [InlineData("{matchExpressions: [{key: app, operator: In, values: [gateway, mine]}]}")]
    [InlineData("{matchExpressions: [{key: app, operator: Exists}]}")]
    public void Any_other_stays_and_what_labels_there_are_is_told(string given)
    {
        var constraints = Yaml($"[{{topologyKey: zone, labelSelector: {given}}}]");

        var told = PodLabels.Rename(constraints)!;

        Assert.False(told.IsRenamed);
        Assert.Contains("app.kubernetes.io/instance", told.Note, StringComparison.Ordinal);
        Assert.Equal(Sorted(Yaml($"[{{topologyKey: zone, labelSelector: {given}}}]")), Sorted(constraints));
    }

    [Theory]
    [InlineData("[{topologyKey: zone, maxSkew: 1}]")]
    [InlineData("[{matchExpressions: [{key: app, operator: In, values: [gateway]}]}]")]
    [InlineData("x")]
    public void Where_no_pods_are_selected_there_is_nothing_to_say(string value) => Assert.Null(PodLabels.Rename(Yaml(value)));

    private static YamlNode Yaml(string text)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        return stream.Documents[0].RootNode;
    }

    private static string Sorted(YamlNode node) => node switch
    {
        YamlMappingNode map => $"{{{string.Join(", ", map.Children.Select(pair => $"{pair.Key}: {Sorted(pair.Value)}").Order(StringComparer.Ordinal))}}}",
        YamlSequenceNode list => $"[{string.Join(", ", list.Children.Select(Sorted))}]",
        _ => node.ToString(),
    };
}
