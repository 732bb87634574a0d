using System.Collections.Frozen;
using Connectors.Sdk.Invocation;

namespace Connectors.Sdk.Topics;

/// <summary>Which functions want which topic: one immutable snapshot of what the gateway listed. Topics are compared exactly, case included.</summary>
public sealed class TopicMap
{
    private readonly FrozenDictionary<string, FunctionName[]> _exact;
    private readonly PatternIndex? _patterns;

    /// <summary>Builds the map.</summary>
    /// <param name="functions">The gateway's functions, with or without topics.</param>
    /// <param name="delimiter">What stands between the topics of one annotation.</param>
    /// <param name="withPatterns">Whether <c>*</c> in an annotation stands for anything; otherwise it is a character like others.</param>
    public TopicMap(IEnumerable<Function> functions, string delimiter, bool withPatterns)
    {
        var wishes = functions.SelectMany(f => f.Topics(delimiter).Select(t => (Topic: t, Function: f))).ToLookup(w => withPatterns && TopicPattern.IsPattern(w.Topic));
        Functions = [.. wishes.SelectMany(w => w).Select(w => w.Function).DistinctBy(f => f.Name)];
        _exact = ByTopic(wishes[false]).ToFrozenDictionary(StringComparer.Ordinal);
        _patterns = wishes.Contains(true) ? new PatternIndex(ByTopic(wishes[true])) : null;
    }

    /// <summary>The functions that want any topic at all.</summary>
    public IReadOnlyList<Function> Functions { get; }

    /// <summary>Every topic that is wanted by its exact name.</summary>
    public IEnumerable<string> Topics => _exact.Keys;

    /// <summary>The functions that want a topic, each once.</summary>
    public IReadOnlyList<FunctionName> Match(string topic)
    {
        FunctionName[] found = _exact.GetValueOrDefault(topic) ?? [];
        HashSet<FunctionName>? several = null;
        foreach (var functions in _patterns?.Match(topic) ?? [])
        {
            if (found.Length == 0)
            {
                found = functions;
            }
            else
            {
                (several ??= [.. found]).UnionWith(functions);
            }
        }

        return several is null ? found : [.. several];
    }

    private static Dictionary<string, FunctionName[]> ByTopic(IEnumerable<(string Topic, Function Function)> wishes) =>
        wishes.GroupBy(w => w.Topic, w => w.Function.Name).ToDictionary(g => g.Key, g => g.Distinct().ToArray(), StringComparer.Ordinal);
}
