using System.Text;
using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;
using CsCheck;

namespace Connectors.Sdk.Tests.Events;

public class ForeignHeadersTests
{
    [Theory]
    [InlineData("X-Tag", "X-Tag")]
    [InlineData("a b", "a%20b")]
    [InlineData("größe", "gr%C3%B6%C3%9Fe")]
    [InlineData("a:b\r\nX", "a%3Ab%0D%0AX")]
    [InlineData("a%20b", "a%2520b")]
    [InlineData("", "")]
    public void A_name_is_a_token(string name, string token) => Assert.Equal(token, ForeignHeaders.Token(name));

    [Theory]
    [InlineData("event", "event")]
    [InlineData("event-Type", "Header-event-Type")]
    [InlineData("event-type", "Header-event-type")]
    [InlineData("event-Type-Type", "Header-Header-event-Type-Type")]
    [InlineData("Header-event", "Header-Header-event")]
    [InlineData("-Type", "Header--Type")]
    [InlineData("Header-Type", "Header-Header-Type")]
    public void A_name_that_would_pass_for_a_companion_is_moved_aside(string name, string apart) => Assert.Equal(apart, ForeignHeaders.Apart(name, "-Type"));

    [Fact]
    public void No_two_names_become_one_with_or_without_companion_nor_one_of_the_connectors_own()
    {
        // All names of up to five of the parts that could be taken for each other.
        HashSet<string> own = new(StringComparer.OrdinalIgnoreCase) { "own", "own-Type" };
        var names = new List<string> { "" };
        for (var (i, begin) = (0, 0); i < 5; i++)
        {
            var longer = names[begin..].SelectMany(n => new[] { n + "-Type", n + "Header-", n + "Header", n + "Type", n + "own" }).ToList();
            (begin, names) = (names.Count, [.. names, .. longer]);
        }

        names = [.. names.Distinct()];

        var sent = names.Select(n => ForeignHeaders.Apart(n, "-Type", own)).SelectMany(n => new[] { n, n + "-Type" }).ToList();

        Assert.Equal(2 * names.Count, sent.Distinct(StringComparer.OrdinalIgnoreCase).Count());
        Assert.DoesNotContain(sent, own.Contains);
    }

    [Fact]
    public void What_is_encoded_is_not_encoded_again()
    {
        Header[] given = [new("größe", "ü"), new("a%20b", "c")];

        var once = ForeignHeaders.Encode(given).ToList();

        Assert.Equal(["gr%C3%B6%C3%9Fe", "gr%C3%B6%C3%9Fe-Enc", "a%20b"], once.Select(h => h.Name));
        Assert.Equal(once, ForeignHeaders.Encode(once));
    }

    [Fact]
    public void Whatever_the_names_and_values_what_is_sent_is_readable_and_tells_the_values()
    {
        var header = Gen.Select(Gen.String[1, 12], Gen.OneOf(Gen.String, Gen.String[Gen.Char[' ', '~'], 0, 20]), (name, value) => new Header(name, value));

        header.List[0, 6].Sample(given =>
        {
            var sent = ForeignHeaders.Encode(given).ToList();

            Assert.All(sent, h => Assert.Matches("^[!#$&'*+.^_`|~%0-9A-Za-z-]+$", h.Name));
            Assert.All(sent, h => Assert.True(ForeignHeaders.IsPlain(h.Value)));
            foreach (var (name, value) in given)
            {
                var token = sent.Any(h => h.Is(name)) ? name : ForeignHeaders.Token(name);
                var isEncoded = sent.Any(h => h.Is(token + ForeignHeaders.EncodingSuffix) && h.Value == "b64");
                var expected = isEncoded ? Convert.ToBase64String(Encoding.UTF8.GetBytes(value)) : value;
                Assert.Contains(sent, h => h.Is(token) && h.Value == expected);
            }
        });
    }
}
