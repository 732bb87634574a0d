using Connectors.Sdk.Invocation;
using Connectors.Sdk.Topics;
using CsCheck;

namespace Connectors.Sdk.Tests.Topics;

public class TopicMapTests
{
    [Fact]
    public void A_topic_maps_to_all_functions_that_want_it_exactly_case_included()
    {
        var map = Map(false, ("a", "orders"), ("b", "orders"), ("c", "Orders"), ("d", "orders.eu"));

        Assert.Equal(["a.ns", "b.ns"], Match(map, "orders"));
        Assert.Equal(["c.ns"], Match(map, "Orders"));
        Assert.Empty(Match(map, "order"));
        Assert.Empty(Match(map, ""));
    }

    [Fact]
    public void A_list_is_split_trimmed_and_empty_topics_dropped()
    {
        var map = Map(false, ("a", " one, two ,,one, "), ("b", ""), ("c", " , "));

        Assert.Equal(["a.ns"], Match(map, "one"));
        Assert.Equal(["a.ns"], Match(map, "two"));
        Assert.Equal("a.ns", Assert.Single(map.Functions).Name.ToString());
        Assert.Equal(["one", "two"], map.Topics.Order());
    }

    [Fact]
    public void Without_a_delimiter_the_annotation_is_one_topic()
    {
        var map = new TopicMap([Function("a", "one,two")], "", withPatterns: false);

        Assert.Equal(["a.ns"], Match(map, "one,two"));
        Assert.Empty(Match(map, "one"));
    }

    [Fact]
    public void A_delimiter_may_be_longer() =>
        Assert.Equal(["a.ns"], Match(new TopicMap([Function("a", "one || two,2")], "||", withPatterns: false), "two,2"));

    [Fact]
    public void A_star_is_a_character_unless_patterns_are_asked_for()
    {
        var literal = Map(false, ("a", "orders.*"));
        var pattern = Map(true, ("a", "orders.*"));

        Assert.Empty(Match(literal, "orders.eu"));
        Assert.Equal(["a.ns"], Match(literal, "orders.*"));
        Assert.Equal(["a.ns"], Match(pattern, "orders.eu"));
    }

    [Fact]
    public void A_function_that_matches_twice_is_called_once() =>
        Assert.Equal(["b.ns", "a.ns"], Match(Map(true, ("a", "orders.*,*.eu"), ("b", "orders.eu,orders.*")), "orders.eu"));

    [Fact]
    public void Functions_without_a_topic_are_not_part_of_it()
    {
        var map = new TopicMap([new Function(new FunctionName("a", "ns"), new Dictionary<string, string> { ["other"] = "orders" })], ",", withPatterns: true);

        Assert.Empty(map.Functions);
        Assert.Empty(Match(map, "orders"));
    }

    [Theory]
    [InlineData("*", "", true)]
    [InlineData("*", "anything", true)]
    [InlineData("a*", "a", true)]
    [InlineData("a*", "ab", true)]
    [InlineData("a*", "ba", false)]
    [InlineData("*a", "ba", true)]
    [InlineData("*a", "ab", false)]
    [InlineData("a*a", "a", false)]
    [InlineData("a*a", "aa", true)]
    [InlineData("a*b*c", "aXbYc", true)]
    [InlineData("a*b*c", "abc", true)]
    [InlineData("a*b*c", "acb", false)]
    [InlineData("a*b*c", "aXcYb", false)]
    [InlineData("*ab*ba*", "aba", false)]
    [InlineData("*ab*ba*", "abba", true)]
    [InlineData("**", "x", true)]
    [InlineData("a**b", "ab", true)]
    [InlineData("a.*", "axb", false)]
    [InlineData("a?*", "ab", false)]
    [InlineData("a*", "A", false)]
    public void A_pattern_matches(string pattern, string topic, bool matches) => Assert.Equal(matches, new TopicPattern(pattern).Matches(topic));

    [Fact]
    public void Patterns_agree_with_their_regular_expressions()
    {
        var random = new Random(11);
        for (var i = 0; i < 20_000; i++)
        {
            var pattern = Letters("ab*", 6) + "*" + Letters("ab*", 3);
            var topic = Letters("ab", 9);
            var regex = "^" + pattern.Replace("*", ".*", StringComparison.Ordinal) + "$";

            Assert.True(System.Text.RegularExpressions.Regex.IsMatch(topic, regex) == new TopicPattern(pattern).Matches(topic), $"{pattern} {topic}");
        }

        string Letters(string of, int most) => string.Concat(Enumerable.Range(0, random.Next(most)).Select(_ => of[random.Next(of.Length)]));
    }

    [Fact]
    public void Whatever_is_wanted_a_topic_finds_what_comparing_it_with_each_would_find()
    {
        var wish = Gen.String[Gen.Char["ab*"], 1, 6];
        Gen.Select(wish.Array[0, 30], Gen.String[Gen.Char["ab"], 0, 7]).Sample((wishes, topic) =>
        {
            var map = Map(true, [.. wishes.Select((w, i) => ($"f{i % 7}", w))]);
            var expected = wishes.Select((w, i) => (Name: $"f{i % 7}.ns", Wish: w)).Where(f => TopicPattern.IsPattern(f.Wish) ? new TopicPattern(f.Wish).Matches(topic) : f.Wish == topic);

            var found = Match(map, topic).ToList();

            Assert.Equal(expected.Select(f => f.Name).Distinct().Order(), found.Order());
        });
    }

    private static IEnumerable<string> Match(TopicMap map, string topic) => map.Match(topic).Select(f => f.ToString());

    private static TopicMap Map(bool withPatterns, params (string Name, string Topic)[] functions) =>
        new(functions.Select(f => Function(f.Name, f.Topic)), ",", withPatterns);

    private static Function Function(string name, string topic) => new(new FunctionName(name, "ns"), new Dictionary<string, string> { ["topic"] = topic });
}
