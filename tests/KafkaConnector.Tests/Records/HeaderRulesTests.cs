using System.Text;
using Confluent.Kafka;
using Connectors.Kafka.Records;
using CsCheck;
using Header = Connectors.Sdk.Invocation.Header;

namespace Connectors.Kafka.Tests.Records;

public class HeaderRulesTests
{
    [Theory]
    [InlineData("Colour", "X-Kafka-Colour")]
    [InlineData("trace_id", "X-Kafka-trace_id")]
    [InlineData("a.b", "X-Kafka-a.b")]
    [InlineData("a b", "X-Kafka-a%20b")]
    [InlineData("a%20b", "X-Kafka-a%2520b")]
    [InlineData("a:b", "X-Kafka-a%3Ab")]
    [InlineData("a\r\nX-Injected: 1", "X-Kafka-a%0D%0AX-Injected%3A%201")]
    [InlineData("größe", "X-Kafka-gr%C3%B6%C3%9Fe")]
    [InlineData("", "X-Kafka-")]
    [InlineData("Offset", "X-Kafka-Header-Offset")]
    [InlineData("partition", "X-Kafka-Header-partition")]
    [InlineData("Key", "X-Kafka-Header-Key")]
    [InlineData("Key-Enc", "X-Kafka-Header-Header-Key-Enc")]
    [InlineData("Colour-enc", "X-Kafka-Header-Colour-enc")]
    [InlineData("Header-Colour", "X-Kafka-Header-Header-Colour")]
    [InlineData("Header-Offset", "X-Kafka-Header-Header-Header-Offset")]
    [InlineData("Tombstone", "X-Kafka-Header-Tombstone")]
    public void A_name_is_made_safe(string name, string expected) => Assert.Equal(expected, HeaderRules.Name(name));

    [Theory]
    [InlineData("plain text, 1=2", "plain text, 1=2", null)]
    [InlineData("", "", null)]
    [InlineData(" leading", "IGxlYWRpbmc=", "b64")]
    [InlineData("trailing ", "dHJhaWxpbmcg", "b64")]
    [InlineData("a\r\nb", "YQ0KYg==", "b64")]
    [InlineData("tab\t", "dGFiCQ==", "b64")]
    [InlineData("ü", "w7w=", "b64")]
    public void A_value_is_kept_or_encoded_and_said_to_be(string value, string expected, string? encoding)
    {
        var headers = Translate(new Headers { { "H", Encoding.UTF8.GetBytes(value) } });

        Assert.Equal(expected, headers.Single(h => h.Is("X-Kafka-H")).Value);
        Assert.Equal(encoding, headers.FirstOrDefault(h => h.Is("X-Kafka-H-Enc")).Value);
    }

    [Fact]
    public void Repeated_headers_keep_their_order_and_are_encoded_all_or_none()
    {
        var headers = Translate(new Headers { { "H", "a"u8.ToArray() }, { "Other", "o"u8.ToArray() }, { "h", [0xff] } });

        Assert.Equal(["YQ==", "/w=="], headers.Where(h => h.Is("X-Kafka-H")).Select(h => h.Value));
        Assert.Equal("b64", headers.Single(h => h.Is("X-Kafka-H-Enc")).Value);
        Assert.Equal("o", headers.Single(h => h.Is("X-Kafka-Other")).Value);
    }

    [Fact]
    public void A_null_value_is_said_to_be_null()
    {
        var headers = Translate(new Headers { { "H", null } });

        Assert.Equal("", headers.Single(h => h.Is("X-Kafka-H")).Value);
        Assert.Equal("null", headers.Single(h => h.Is("X-Kafka-H-Enc")).Value);
    }

    [Fact]
    public void Headers_beyond_the_number_are_left_out_and_named()
    {
        var record = new Headers();
        for (var i = 0; i < 84; i++)
        {
            record.Add($"h{i:000}", "v"u8.ToArray());
        }

        var headers = HeaderRules.Translate(record, new HeaderLimits(80, 8192));

        Assert.Equal(81, headers.Count);
        Assert.Equal("4 h080 h081 h082 h083", headers.Single(h => h.Is(HeaderRules.Dropped)).Value);
    }

    [Fact]
    public void Headers_beyond_the_bytes_are_left_out_and_smaller_ones_behind_them_are_not()
    {
        var record = new Headers { { "small", "s"u8.ToArray() }, { "huge one", new byte[9000] }, { "behind", "b"u8.ToArray() } };

        var headers = Translate(record);

        Assert.Equal(["X-Kafka-small", "X-Kafka-behind", HeaderRules.Dropped], headers.Select(h => h.Name));
        Assert.Equal("1 huge%20one", headers[^1].Value);
    }

    [Fact]
    public void A_key_too_long_for_a_header_is_left_out_and_its_length_told()
    {
        var header = Assert.Single(HeaderRules.Key(new byte[HeaderRules.MaxKeyBytes + 1]));

        Assert.Equal("X-Kafka-Key-Dropped", header.Name);
        Assert.Equal((HeaderRules.MaxKeyBytes + 1).ToString(), header.Value);
    }

    [Fact]
    public void Whatever_a_record_carries_what_is_sent_is_valid_within_the_limits_and_tells_what_is_missing()
    {
        var value = Gen.Frequency((1, Gen.Const(() => (byte[]?)null)), (8, Gen.Byte.Array[0, 60].Select(b => (byte[]?)b)), (1, Gen.Byte.Array[0, 9000].Select(b => (byte[]?)b)));
        var name = Gen.Frequency((3, Gen.String[0, 20]), (1, Gen.Int[0, Awkward.Length - 1].Select(i => Awkward[i])));
        Gen.Select(Gen.Select(name, value).Array[0, 100], Gen.Int[0, 60], Gen.Int[0, 9000]).Sample((record, count, bytes) =>
        {
            var source = new Headers();
            foreach (var (key, content) in record)
            {
                source.Add(key, content);
            }

            var headers = HeaderRules.Translate(source, new HeaderLimits(count, bytes));

            var sent = headers.Where(h => !h.Is(HeaderRules.Dropped)).ToList();
            Assert.All(headers, header =>
            {
                Assert.Matches("^[-!#$%&'*+.^_`|~0-9A-Za-z]+$", header.Name);
                Assert.DoesNotContain(header.Value, c => c is < ' ' or > '~');
                Assert.Equal(header.Value, header.Value.Trim());
            });
            Assert.True(sent.Count <= count);
            Assert.True(sent.Sum(h => h.Name.Length + h.Value.Length + 4) <= bytes);
            Assert.True(headers.Sum(h => h.Is(HeaderRules.Dropped) ? h.Value.Length : 0) <= 520);
            var dropped = int.Parse(headers.FirstOrDefault(h => h.Is(HeaderRules.Dropped)).Value?.Split(' ')[0] ?? "0");
            Assert.Equal(record.Length, dropped + sent.Count(h => !h.Name.EndsWith("-Enc", StringComparison.Ordinal) || IsOwnName(h.Name, record)));
        });
    }

    private static readonly string[] Awkward = ["", "Offset", "offset", "Key-Enc", "traceparent", "a", "A"];

    // A record's own header may end as a companion does; it is then moved aside.
    private static bool IsOwnName(string name, (string Key, byte[]? Value)[] record) => record.Any(r => HeaderRules.Name(r.Key) == name);

    private static IReadOnlyList<Header> Translate(Headers headers) => HeaderRules.Translate(headers, new HeaderLimits(50, 8192));
}
