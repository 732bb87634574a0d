using YamlDotNet.RepresentationModel;

namespace Connectors.Cli.Migration;

/// <summary>What was done to the selectors in a value, and what is to be said of them.</summary>
internal sealed record Relabelled(bool IsRenamed, string Note);

/// <summary>Selectors of pods, in spreading and affinity: OpenFaaS's charts label their pods otherwise than ours do.</summary>
internal static class PodLabels
{
    private const string Name = "app.kubernetes.io/name";
    private const string Renamed = $"the label of a part's pods is {Name} here";
    private const string Foreign = $"a selector takes pods by their labels: ours have {Name} and app.kubernetes.io/instance";

    // Of theirs; each holds the name of a part.
    private static readonly string[] Labels = ["app", "component", "name"];
    private static readonly string[] Parts = [OpenFaasCharts.Gateway, OpenFaasCharts.Worker, OpenFaasCharts.Cron, OpenFaasCharts.Kafka, OpenFaasCharts.Sqs, OpenFaasCharts.RabbitMq];

    /// <summary>Has the selectors in a value that mean the pods of a part mean ours; null if there is no selector.</summary>
    public static Relabelled? Rename(YamlNode value)
    {
        var selectors = value.AllNodes.OfType<YamlMappingNode>().Select(map => YamlPath.At(map, "labelSelector")).OfType<YamlMappingNode>().ToList();
        var renamed = selectors.Count(RenameIn);
        return selectors.Count == 0 ? null : new Relabelled(renamed > 0, renamed == selectors.Count ? Renamed : renamed == 0 ? Foreign : $"{Renamed}; {Foreign}");
    }

    private static bool RenameIn(YamlMappingNode selector)
    {
        var isRenamed = false;
        if (YamlPath.At(selector, "matchLabels") is YamlMappingNode labels)
        {
            foreach (var (label, part) in labels.Children.Where(pair => MeansPart(pair.Key, pair.Value)).ToList())
            {
                labels.Children.Remove(label);
                YamlPath.Set(labels, [Name], part);
                isRenamed = true;
            }
        }

        foreach (var expression in YamlPath.Mappings(YamlPath.At(selector, "matchExpressions"))
            .Where(expression => YamlPath.At(expression, "values") is YamlSequenceNode values && MeansPart(YamlPath.At(expression, "key"), [.. values.Children])))
        {
            YamlPath.Set(expression, ["key"], new YamlScalarNode(Name));
            isRenamed = true;
        }

        return isRenamed;
    }

    private static bool MeansPart(YamlNode? label, params YamlNode[] values) =>
        label is YamlScalarNode { Value: { } name } && Labels.Contains(name) && values.All(value => value is YamlScalarNode { Value: { } part } && Parts.Contains(part));
}
