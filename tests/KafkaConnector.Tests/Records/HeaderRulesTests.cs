using System.Text;
using Confluent.Kafka;
using Connectors.Kafka.Records;

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
    [InlineData("Key-Enc", "X-Kafka-Header-Key-Enc")]
    [InlineData("Colour-enc", "X-Kafka-Header-Colour-enc")]
    [InlineData("Header-Offset", "X-Kafka-Header-Header-Offset")]
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
        var headers = HeaderRules.Translate(new Headers { { "H", Encoding.UTF8.GetBytes(value) } });

        Assert.Equal(expected, headers.Single(h => h.Is("X-Kafka-H")).Value);
        Assert.Equal(encoding, headers.FirstOrDefault(h => h.Is("X-Kafka-H-Enc")).Value);
    }

    [Fact]
    public void Repeated_headers_keep_their_order_and_are_encoded_all_or_none()
    {
        var headers = HeaderRules.Translate(new Headers { { "H", "a"u8.ToArray() }, { "Other", "o"u8.ToArray() }, { "h", [0xff] } });

        Assert.Equal(["YQ==", "/w=="], headers.Where(h => h.Is("X-Kafka-H")).Select(h => h.Value));
        Assert.Equal("b64", headers.Single(h => h.Is("X-Kafka-H-Enc")).Value);
        Assert.Equal("o", headers.Single(h => h.Is("X-Kafka-Other")).Value);
    }

    [Fact]
    public void A_null_value_is_said_to_be_null()
    {
        var headers = HeaderRules.Translate(new Headers { { "H", null } });

        Assert.Equal("", headers.Single(h => h.Is("X-Kafka-H")).Value);
        Assert.Equal("null", headers.Single(h => h.Is("X-Kafka-H-Enc")).Value);
    }

    [Fact]
    public void What_is_too_much_is_left_out_and_counted()
    {
        var record = new Headers { { "small", "s"u8.ToArray() }, { "huge", new byte[HeaderRules.MostBytes] } };
        for (var i = 0; i < 500; i++)
        {
            record.Add($"header-{i}", Encoding.ASCII.GetBytes(new string('x', 100)));
        }

        var headers = HeaderRules.Translate(record);

        Assert.InRange(headers.Sum(h => h.Name.Length + h.Value.Length + 4), 1, HeaderRules.MostBytes + 64);
        Assert.Contains(headers, h => h.Is("X-Kafka-small"));
        Assert.Equal(record.Count - headers.Count + 1, int.Parse(headers.Single(h => h.Is(HeaderRules.Dropped)).Value));
    }

    [Fact]
    public void A_key_too_long_for_a_header_is_left_out_and_its_length_told()
    {
        var header = Assert.Single(HeaderRules.Key(new byte[HeaderRules.MostKeyBytes + 1]));

        Assert.Equal("X-Kafka-Key-Dropped", header.Name);
        Assert.Equal((HeaderRules.MostKeyBytes + 1).ToString(), header.Value);
    }

    [Fact]
    public void Whatever_a_record_carries_the_result_is_a_valid_header()
    {
        var random = new Random(7);
        for (var round = 0; round < 2_000; round++)
        {
            var name = new string([.. Enumerable.Range(0, random.Next(20)).Select(_ => (char)random.Next(1, 0xd7ff))]);
            var value = new byte[random.Next(40)];
            random.NextBytes(value);

            Assert.All(HeaderRules.Translate(new Headers { { name, value } }), header =>
            {
                Assert.Matches("^[-!#$%&'*+.^_`|~0-9A-Za-z]+$", header.Name);
                Assert.DoesNotContain(header.Value, c => c is < ' ' or > '~');
                Assert.Equal(header.Value, header.Value.Trim());
            });
        }
    }
}
