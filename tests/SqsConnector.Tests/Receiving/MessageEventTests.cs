using System.Text;
using Connectors.Sdk.Events;
using Connectors.Sqs.Queues;
using Connectors.Sqs.Receiving;

namespace Connectors.Sqs.Tests.Receiving;

public class MessageEventTests
{
    private static readonly QueueAddress Queue = QueueAddress.TryParse("https://sqs.eu-west-1.amazonaws.com/123456789012/orders.fifo", "r", null)!;

    [Fact]
    public void A_message_is_an_event_of_its_queue()
    {
        var content = MessageEvent.Of(Message(system: new() { ["SentTimestamp"] = "1767323045000" }), Queue);

        Assert.Equal(("id-1", "orders.fifo", "grün"), (content.Id, content.Topic, Encoding.UTF8.GetString(content.Body.Span)));
        Assert.Equal(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero), content.Time);
        Assert.Equal((Queue.Url, "com.amazonaws.sqs.message"), (content.Source, content.Type));
        Assert.Null(content.ContentType);
    }

    [Fact]
    public void What_sqs_and_the_sender_say_is_in_headers()
    {
        var content = MessageEvent.Of(
            Message(
                new() { ["ApproximateReceiveCount"] = "3", ["MessageGroupId"] = "a b" },
                new() { ["tenant"] = new("String.id", "blau\r\n世"), ["raw"] = new("Binary", "AQI=") }),
            Queue);

        Assert.Equal("id-1", Header(content, "X-SQS-Message-ID"));
        Assert.Equal(Queue.Url, Header(content, "X-SQS-Queue-URL"));
        Assert.Equal("3", Header(content, "X-SQS-ApproximateReceiveCount"));
        Assert.Equal("a%20b", Header(content, "X-SQS-MessageGroupId"));
        Assert.Equal("blau%0D%0A%E4%B8%96", Header(content, "X-SQS-Attr-tenant"));
        Assert.Equal("String.id", Header(content, "X-SQS-Attr-tenant-Type"));
        Assert.Equal("AQI=", Header(content, "X-SQS-Attr-raw"));
    }

    [Fact]
    public void A_sender_may_say_the_content_type_and_the_trace()
    {
        const string trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

        var content = MessageEvent.Of(
            Message(attributes: new() { ["content-type"] = new("String", "application/json; charset=utf-8"), ["traceparent"] = new("String", trace) }), Queue);

        Assert.Equal("application/json; charset=utf-8", content.ContentType);
        Assert.Equal(trace, Header(content, "traceparent"));
    }

    [Fact]
    public void A_content_type_that_is_no_header_is_not_taken() =>
        Assert.Null(MessageEvent.Of(Message(attributes: new() { ["Content-Type"] = new("String", "a\nb") }), Queue).ContentType);

    [Theory]
    [InlineData("0")]
    [InlineData("x")]
    [InlineData("99999999999999999")]
    [InlineData("")]
    public void A_time_that_is_none_is_left_out(string sent) =>
        Assert.Null(MessageEvent.Of(Message(system: new() { ["SentTimestamp"] = sent }), Queue).Time);

    private static string? Header(Event content, string name) => content.Headers.Single(h => h.Is(name)).Value;

    private static QueueMessage Message(Dictionary<string, string>? system = null, Dictionary<string, QueueAttribute>? attributes = null) =>
        new("id-1", "receipt", "grün", system ?? [], attributes ?? []);
}
