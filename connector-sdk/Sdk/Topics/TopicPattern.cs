namespace Connectors.Sdk.Topics;

/// <summary>A topic annotation with <c>*</c> in it, each of which stands for any run of characters, an empty one included.</summary>
public sealed class TopicPattern(string pattern)
{
    private readonly string[] _parts = pattern.Split('*');

    /// <summary>Whether an annotated topic is a pattern.</summary>
    public static bool IsPattern(string topic) => topic.Contains('*', StringComparison.Ordinal);

    /// <summary>Whether a topic is one of those meant.</summary>
    public bool Matches(string topic)
    {
        var (first, last) = (_parts[0], _parts[^1]);
        if (topic.Length < first.Length + last.Length || !topic.StartsWith(first, StringComparison.Ordinal) || !topic.EndsWith(last, StringComparison.Ordinal))
        {
            return false;
        }

        // Between two stars the leftmost occurrence leaves most room for the rest, so no backtracking is needed.
        var middle = topic.AsSpan(first.Length, topic.Length - first.Length - last.Length);
        foreach (var part in _parts.AsSpan(1, _parts.Length - 2))
        {
            var at = middle.IndexOf(part, StringComparison.Ordinal);
            if (at < 0)
            {
                return false;
            }

            middle = middle[(at + part.Length)..];
        }

        return true;
    }
}
