using System.Text;
using Confluent.Kafka;
using Connectors.Kafka.Records;

namespace Connectors.Kafka.Tests.Records;

public class RecordEventTests
{
    [Fact]
    public void An_event_has_the_records_identity_and_time()
    {
        var content = RecordEvent.Create(Record("orders", 3, 42, new Message<byte[]?, byte[]?> { Value = "v"u8.ToArray(), Timestamp = new Timestamp(1_700_000_000_123, TimestampType.CreateTime) }), "g");

        Assert.Equal("kafka:g:orders:3:42:1700000000123", content.Id);
        Assert.Equal("orders", content.Topic);
        Assert.Equal(DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123), content.Time);
        Assert.Equal("1700000000123", content.Headers.Single(h => h.Is("X-Kafka-Timestamp")).Value);
        Assert.DoesNotContain(content.Headers, h => h.Is("X-Kafka-Key"));
    }

    [Fact]
    public void A_record_without_time_has_none()
    {
        var content = RecordEvent.Create(Record("orders", 0, 1, new Message<byte[]?, byte[]?> { Timestamp = new Timestamp(0, TimestampType.NotAvailable) }), "g");

        Assert.Null(content.Time);
        Assert.DoesNotContain(content.Headers, h => h.Is("X-Kafka-Timestamp"));
    }

    [Fact]
    public void An_empty_body_is_no_tombstone_and_an_empty_key_is_a_key()
    {
        var content = RecordEvent.Create(Record("orders", 0, 1, new Message<byte[]?, byte[]?> { Key = [], Value = [] }), "g");

        Assert.DoesNotContain(content.Headers, h => h.Is("X-Kafka-Tombstone"));
        Assert.Equal("", content.Headers.Single(h => h.Is("X-Kafka-Key")).Value);
    }

    [Theory]
    [InlineData("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true)]
    [InlineData("TraceParent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true)]
    [InlineData("traceparent", "00-00000000000000000000000000000000-b7ad6b7169203331-01", false)]
    [InlineData("traceparent", "garbage", false)]
    [InlineData("X-Call-Id", "call-1", true)]
    [InlineData("X-Call-Id", "call 1\r\n", false)]
    [InlineData("X-Call-Id", "", false)]
    public void A_trace_and_a_call_id_go_on_if_they_are_what_they_should_be(string name, string value, bool goesOn)
    {
        var content = RecordEvent.Create(Record("orders", 0, 1, new Message<byte[]?, byte[]?> { Headers = new Headers { { name, Encoding.UTF8.GetBytes(value) } } }), "g");

        Assert.Equal(goesOn, content.Headers.Any(h => h.Is(name) && h.Value == value));
        Assert.Contains(content.Headers, h => h.Is("X-Kafka-" + name));
    }

    private static ConsumeResult<byte[]?, byte[]?> Record(string topic, int partition, long offset, Message<byte[]?, byte[]?> message) =>
        new() { Topic = topic, Partition = partition, Offset = offset, Message = message };
}
