using Connectors.Sdk.Invocation;

namespace Connectors.Sdk.Topics;

/// <summary>A function as the gateway lists it: what a connector needs of it.</summary>
/// <param name="Name">Name and namespace.</param>
/// <param name="Annotations">Its annotations.</param>
public sealed record Function(FunctionName Name, IReadOnlyDictionary<string, string> Annotations)
{
    /// <summary>The annotation that names the topics a function wants.</summary>
    public const string TopicAnnotation = "topic";

    /// <summary>The topics, each trimmed, empty ones dropped, none twice.</summary>
    /// <param name="delimiter">What stands between topics; empty if the whole annotation is one topic.</param>
    public IReadOnlyList<string> Topics(string delimiter)
    {
        var annotation = Annotations.GetValueOrDefault(TopicAnnotation, "");
        var topics = delimiter.Length == 0 ? [annotation] : annotation.Split(delimiter);
        return [.. topics.Select(t => t.Trim()).Where(t => t.Length > 0).Distinct(StringComparer.Ordinal)];
    }
}
