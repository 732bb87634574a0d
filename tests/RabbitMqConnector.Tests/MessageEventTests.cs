using System.Text;
using Connectors.RabbitMq.Broker;
using Connectors.RabbitMq.Consuming;
using Connectors.Sdk.Events;
using CsCheck;
using RabbitMQ.Client;

namespace Connectors.RabbitMq.Tests;

public class MessageEventTests
{
    private static readonly Gen<object?> Value = Gen.Recursive<object?>((depth, nested) => depth > 2
        ? Gen.Int.Select(i => (object?)i)
        : Gen.OneOf(
            Gen.String.Select(s => (object?)Encoding.UTF8.GetBytes(s)),
            Gen.Byte.Array[0, 40].Select(b => (object?)b),
            Gen.Byte.Array[0, 40].Select(b => (object?)new BinaryTableValue(b)),
            Gen.Long.Select(l => (object?)l),
            Gen.Double.Select(d => (object?)d),
            Gen.Decimal.Select(d => (object?)d),
            Gen.Bool.Select(b => (object?)b),
            Gen.Const((object?)null),
            Gen.Long.Select(l => (object?)new AmqpTimestamp(l)),
            nested.List[0, 4].Select(l => (object?)l),
            Gen.Dictionary(Gen.String, nested)[0, 4].Select(d => (object?)d)));

    private static readonly Gen<Dictionary<string, object?>> Headers = Gen.Dictionary(Gen.String, Value)[0, 120];

    [Fact]
    public void Whatever_a_sender_says_of_its_message_makes_headers_that_are_readable_and_within_limits() =>
        Gen.Select(Headers, Gen.String, Gen.Long).Sample((headers, text, number) =>
        {
            var made = MessageEvent.Of(Message(new MessageProperties { MessageId = text, ContentType = text, ReplyTo = text, UserId = text, Timestamp = number, Headers = headers }), "orders");

            var sent = ForeignHeaders.Encode(made.Headers).Where(h => h.Name.StartsWith("X-Rabbitmq-Header-", StringComparison.Ordinal)).ToList();
            Assert.All(sent, h => Assert.True(ForeignHeaders.IsPlain(h.Value), h.Value));
            Assert.InRange(sent.Count, 0, MessageEvent.MaxHeaders);
            Assert.InRange(sent.Sum(h => h.Name.Length + h.Value.Length), 0, MessageEvent.MaxHeaderBytes);
        });

    [Fact]
    public void Headers_arrive_in_words()
    {
        var made = MessageEvent.Of(
            Message(new MessageProperties
            {
                Priority = 3,
                Timestamp = 1_700_000_000,
                Headers = new Dictionary<string, object?>
                {
                    ["text"] = "red"u8.ToArray(),
                    ["flag"] = true,
                    ["time"] = new AmqpTimestamp(5),
                    ["x-death"] = new List<object?> { new Dictionary<string, object?> { ["count"] = 2L, ["queue"] = "a"u8.ToArray() } },
                    ["a-Enc"] = "odd"u8.ToArray(),
                    ["traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"u8.ToArray(),
                },
            }),
            "orders");

        var headers = made.Headers.ToDictionary(h => h.Name, h => h.Value);
        Assert.Equal(("red", "true", "5", "3"), (headers["X-Rabbitmq-Header-text"], headers["X-Rabbitmq-Header-flag"], headers["X-Rabbitmq-Header-time"], headers["X-Rabbitmq-Priority"]));
        Assert.Equal("""[{"count":2,"queue":"a"}]""", headers["X-Rabbitmq-Header-x-death"]);
        Assert.Equal("odd", headers["X-Rabbitmq-Header-Header-a-Enc"]);
        Assert.Equal("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", headers["traceparent"]);
        Assert.Equal(DateTimeOffset.FromUnixTimeSeconds(1_700_000_000), made.Time);
    }

    [Fact]
    public void Tables_in_tables_are_cut_where_they_get_deep()
    {
        var deep = (object?)1L;
        for (var i = 0; i < 5000; i++)
        {
            deep = i % 2 == 0 ? new List<object?> { deep } : new Dictionary<string, object?> { ["a"] = deep };
        }

        var headers = MessageEvent.Of(Message(new MessageProperties { Headers = new Dictionary<string, object?> { ["deep"] = deep } }), "orders").Headers;

        Assert.Contains("\"...\"", Assert.Single(headers, h => h.Name == "X-Rabbitmq-Header-deep").Value, StringComparison.Ordinal);
    }

    [Fact]
    public void Headers_beyond_the_limits_are_left_out_and_counted()
    {
        var many = Enumerable.Range(0, 70).ToDictionary(i => $"h{i:D2}", i => (object?)"x"u8.ToArray());

        var headers = MessageEvent.Of(Message(new MessageProperties { Headers = many }), "orders").Headers;

        Assert.Equal("21", Assert.Single(headers, h => h.Name == "X-Rabbitmq-Headers-Dropped").Value);
    }

    private static QueueMessage Message(MessageProperties properties) => new(1, false, "", "orders", properties, "body"u8.ToArray());
}
