using System.Collections.Frozen;
using Connectors.Sdk.Invocation;

namespace Connectors.Sdk.Topics;

/// <summary>
/// Patterns by what they begin with, or, where that is a star, by what they end with: a topic is compared with those that it may match, and not with all.
/// <code>
/// orders.*   orders.*.paid   → begins "orders."        *.paid   → ends ".paid"        *   *-eu-*   → always compared
/// "orders.7.paid" is looked up by each length that a beginning or an end has: "orders." and ".paid" are found
/// </code>
/// </summary>
internal sealed class PatternIndex
{
    private readonly Edge _begins;
    private readonly Edge _ends;
    private readonly Wish[] _others;

    public PatternIndex(IReadOnlyDictionary<string, FunctionName[]> wishes)
    {
        var kinds = wishes.ToLookup(w => w.Key.StartsWith('*') ? w.Key.EndsWith('*') ? Kind.Other : Kind.Ends : Kind.Begins);
        _begins = new Edge(kinds[Kind.Begins].ToLookup(w => w.Key[..w.Key.IndexOf('*', StringComparison.Ordinal)], Wish.Of));
        _ends = new Edge(kinds[Kind.Ends].ToLookup(w => w.Key[(w.Key.LastIndexOf('*') + 1)..], Wish.Of));
        _others = [.. kinds[Kind.Other].Select(Wish.Of)];
    }

    private enum Kind
    {
        Begins,
        Ends,
        Other,
    }

    /// <summary>The functions of each pattern that a topic matches.</summary>
    public IEnumerable<FunctionName[]> Match(string topic) =>
        _begins.At(topic, atEnd: false).Concat(_ends.At(topic, atEnd: true)).Concat(_others).Where(wish => wish.Pattern.Matches(topic)).Select(wish => wish.Functions);

    // The patterns with a text at one of their two edges, by that text.
    private sealed class Edge(ILookup<string, Wish> wishes)
    {
        private readonly int[] _lengths = [.. wishes.Select(w => w.Key.Length).Distinct().Order()];
        private readonly FrozenDictionary<string, Wish[]>.AlternateLookup<ReadOnlySpan<char>> _byText =
            wishes.ToFrozenDictionary(w => w.Key, w => w.ToArray(), StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();

        public IEnumerable<Wish> At(string topic, bool atEnd)
        {
            foreach (var length in _lengths)
            {
                if (length > topic.Length)
                {
                    yield break;
                }

                foreach (var wish in Of(atEnd ? topic.AsSpan(topic.Length - length) : topic.AsSpan(0, length)))
                {
                    yield return wish;
                }
            }
        }

        private Wish[] Of(ReadOnlySpan<char> text) => _byText.TryGetValue(text, out var found) ? found : [];
    }

    private sealed record Wish(TopicPattern Pattern, FunctionName[] Functions)
    {
        public static Wish Of(KeyValuePair<string, FunctionName[]> wish) => new(new TopicPattern(wish.Key), wish.Value);
    }
}
