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
    public void An_attribute_that_would_pass_for_anothers_type_is_moved_aside()
    {
        var content = MessageEvent.Of(Message(attributes: new() { ["event"] = new("String", "created"), ["event-Type"] = new("Number", "7") }), Queue);

        Assert.Equal("created", Header(content, "X-SQS-Attr-event"));
        Assert.Equal("String", Header(content, "X-SQS-Attr-event-Type"));
        Assert.Equal("7", Header(content, "X-SQS-Attr-Header-event-Type"));
        Assert.Equal("Number", Header(content, "X-SQS-Attr-Header-event-Type-Type"));
    }

    [Fact]
    public void Attributes_that_differ_in_case_alone_are_lines_of_one_header_with_their_types_in_the_same_order()
    {
        var content = MessageEvent.Of(Message(attributes: new() { ["foo"] = new("Number", "2"), ["Foo"] = new("String", "1") }), Queue);

        Assert.Equal(["1", "2"], content.Headers.Where(h => h.Is("X-SQS-Attr-foo")).Select(h => h.Value));
        Assert.Equal(["String", "Number"], content.Headers.Where(h => h.Is("X-SQS-Attr-foo-Type")).Select(h => h.Value));
    }

    [Theory]
    [InlineData("Number", "5")]
    [InlineData("Binary", "dGV4dC9wbGFpbg==")]
    [InlineData("", "text/plain")]
    public void Content_type_and_trace_are_taken_from_text_alone(string type, string value)
    {
        var content = MessageEvent.Of(Message(attributes: new() { ["Content-Type"] = new(type, value), ["traceparent"] = new(type, value) }), Queue);

        Assert.Null(content.ContentType);
        Assert.DoesNotContain(content.Headers, h => h.Is("traceparent"));
        Assert.Equal(value.Replace("%", "%25", StringComparison.Ordinal), Header(content, "X-SQS-Attr-traceparent"));
    }

    [Fact]
    public void Attributes_beyond_what_servers_take_are_left_out_and_counted()
    {
        var content = MessageEvent.Of(
            Message(attributes: new() { ["a"] = new("String", new string('\u4e16', 10_000)), ["b"] = new("String", "fits"), ["c"] = new("String", new string('x', 17_000)) }), Queue);

        Assert.Equal("fits", Header(content, "X-SQS-Attr-b"));
        Assert.Equal("2", Header(content, "X-SQS-Attrs-Dropped"));
        Assert.True(content.Headers.Sum(h => h.Name.Length + h.Value.Length + 4) < 20_000);
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
