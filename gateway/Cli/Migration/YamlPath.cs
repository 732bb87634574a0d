using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Connectors.Cli.Migration;

/// <summary>The way to a value: names may hold dots themselves (<c>nodeSelector</c> / <c>kubernetes.io/os</c>).</summary>
internal sealed record YamlPath(IReadOnlyList<string> Names, YamlNode Value)
{
    private const int MaxDepth = 64;
    private static readonly YamlScalarNode MergeKey = new("<<");

    /// <summary>Every leaf below a mapping: a text, a list, or a mapping that is empty.</summary>
    public static IEnumerable<YamlPath> Leaves(YamlMappingNode root) => Leaves(root, []);

    /// <summary>A value with what "&lt;&lt;" merges into its mappings; a mapping's own keys win, then the first that is merged.</summary>
    public static YamlNode Merged(YamlNode node) => Merged(node, depth: 0);

    private static YamlNode Merged(YamlNode node, int depth)
    {
        // An anchor may lead into itself.
        if (depth > MaxDepth)
        {
            throw new YamlException(node.Start, node.End, $"values are nested more than {MaxDepth} deep");
        }

        switch (node)
        {
            case YamlSequenceNode list:
                return new YamlSequenceNode(list.Children.Select(child => Merged(child, depth + 1)));
            case YamlMappingNode map:
                var merged = new YamlMappingNode();
                var sources = map.Children.TryGetValue(MergeKey, out var found) ? found is YamlSequenceNode several ? several.Children : [found] : [];
                foreach (var (key, value) in map.Children.Where(pair => !pair.Key.Equals(MergeKey)).Concat(sources.Select(source => Merged(source, depth + 1)).OfType<YamlMappingNode>().SelectMany(source => source.Children)))
                {
                    merged.Children.TryAdd(key, Merged(value, depth + 1));
                }

                return merged;
            default:
                return node;
        }
    }

    /// <summary>What a chart takes for nothing, for no or for off.</summary>
    public bool IsOff => Value switch
    {
        YamlScalarNode scalar => scalar.Value is null or "" or "~" or "null" or "false" or "False" or "FALSE" or "0",
        YamlSequenceNode list => list.Children.Count == 0,
        YamlMappingNode map => map.Children.Count == 0,
        _ => true,
    };

    /// <summary>Null and an empty mapping change nothing in a chart.</summary>
    public bool IsNothing => Value is YamlMappingNode { Children.Count: 0 }
        || Value is YamlScalarNode { Style: ScalarStyle.Plain, Value: null or "" or "~" or "null" };

    /// <summary>A text, or the texts of a list with commas between them.</summary>
    public string Text => Value switch
    {
        YamlScalarNode scalar => scalar.Value ?? "",
        YamlSequenceNode list => string.Join(',', list.Children.OfType<YamlScalarNode>().Select(item => item.Value)),
        _ => "",
    };

    public override string ToString() => string.Join('.', Names);

    /// <summary>How many names of a rule's key lead here; 0 if it leads elsewhere.</summary>
    public int Under(string key)
    {
        var names = key.Split('.');
        return names.Length <= Names.Count && names.SequenceEqual(Names.Take(names.Length)) ? names.Length : 0;
    }

    /// <summary>The value at a key; null if there is none.</summary>
    public static YamlNode? At(YamlMappingNode root, string key) =>
        key.Split('.').Aggregate((YamlNode?)root, (node, name) => node is YamlMappingNode map && map.Children.TryGetValue(new YamlScalarNode(name), out var child) ? child : null);

    /// <summary>The mappings in a list; none where there is no list.</summary>
    public static IEnumerable<YamlMappingNode> Mappings(YamlNode? list) => list is YamlSequenceNode items ? items.Children.OfType<YamlMappingNode>() : [];

    /// <summary>Puts a value into a mapping, and what is missing on the way there.</summary>
    public static void Set(YamlMappingNode root, IEnumerable<string> names, YamlNode value)
    {
        var way = names.ToList();
        foreach (var name in way.SkipLast(1))
        {
            if (!root.Children.TryGetValue(new YamlScalarNode(name), out var next) || next is not YamlMappingNode)
            {
                root.Children[new YamlScalarNode(name)] = next = new YamlMappingNode();
            }

            root = (YamlMappingNode)next;
        }

        root.Children[new YamlScalarNode(way[^1])] = value;
    }

    private static IEnumerable<YamlPath> Leaves(YamlMappingNode map, IReadOnlyList<string> above) => map.Children.SelectMany(pair =>
    {
        IReadOnlyList<string> names = [.. above, pair.Key.ToString()];
        return pair.Value is YamlMappingNode { Children.Count: > 0 } below ? Leaves(below, names) : [new YamlPath(names, pair.Value)];
    });
}
