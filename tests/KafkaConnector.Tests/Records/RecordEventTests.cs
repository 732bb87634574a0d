using System.Globalization;
using System.Text;
using Confluent.Kafka;
using Connectors.Kafka.Records;
using Connectors.Sdk.Events;

namespace Connectors.Kafka.Tests.Records;

public class RecordEventTests
{
    [Fact]
    public void An_event_has_the_records_identity_and_time()
    {
        var content = Create(Record("orders", 3, 42, new Message<byte[]?, byte[]?> { Value = "v"u8.ToArray(), Timestamp = new Timestamp(1_700_000_000_123, TimestampType.CreateTime) }));

        Assert.Equal("kafka:g:orders:3:42:1700000000123", content.Id);
        Assert.Equal("orders", content.Topic);
        Assert.Equal(DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123), content.Time);
        Assert.Equal("1700000000123", content.Headers.Single(h => h.Is("X-Kafka-Timestamp")).Value);
        Assert.DoesNotContain(content.Headers, h => h.Is("X-Kafka-Key"));
    }

    [Theory]
    [InlineData(0, TimestampType.NotAvailable)]
    [InlineData(-1, TimestampType.CreateTime)]
    public void A_record_without_time_has_none(long time, TimestampType type)
    {
        var content = Create(Record("orders", 0, 1, new Message<byte[]?, byte[]?> { Timestamp = new Timestamp(time, type) }));

        Assert.Null(content.Time);
        Assert.DoesNotContain(content.Headers, h => h.Is("X-Kafka-Timestamp") || h.Is("X-Kafka-Timestamp-Dropped"));
    }

    [Fact]
    public void An_empty_body_is_no_tombstone_and_an_empty_key_is_a_key()
    {
        var content = Create(Record("orders", 0, 1, new Message<byte[]?, byte[]?> { Key = [], Value = [] }));

        Assert.DoesNotContain(content.Headers, h => h.Is("X-Kafka-Tombstone"));
        Assert.Equal("", content.Headers.Single(h => h.Is("X-Kafka-Key")).Value);
    }

    [Theory]
    [InlineData("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    [InlineData("TraceParent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    [InlineData("X-Call-Id", "call-1")]
    public void A_trace_and_a_call_id_go_on_beside_what_is_told_of_the_record(string name, string value)
    {
        var content = Create(Record("orders", 0, 1, new Message<byte[]?, byte[]?> { Headers = new Headers { { name, "an earlier one"u8.ToArray() }, { name, Encoding.UTF8.GetBytes(value) } } }));

        Assert.Equal(value, content.Headers.Single(h => h.Is(name)).Value);
        Assert.Contains(content.Headers, h => h.Is("X-Kafka-" + name));
    }

    [Theory]
    [InlineData("content-type")]
    [InlineData("Content-Type")]
    public void The_last_content_type_of_a_record_is_its_events_and_is_told_of_the_record_too(string name)
    {
        var headers = new Headers { { "CONTENT-TYPE", "text/csv"u8.ToArray() }, { name, "application/json"u8.ToArray() } };

        var content = Create(Record("orders", 0, 1, new Message<byte[]?, byte[]?> { Headers = headers }));

        Assert.Equal("application/json", content.ContentType);
        Assert.Equal(["text/csv", "application/json"], content.Headers.Where(h => h.Is("X-Kafka-Content-Type")).Select(h => h.Value));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(256)]
    public void A_record_without_a_content_type_or_with_one_of_any_length_has_none(int? length)
    {
        var headers = new Headers { { "content-type", length is { } characters ? Encoding.ASCII.GetBytes("a/".PadRight(characters, 'b')) : null } };

        Assert.Null(Create(Record("orders", 0, 1, new Message<byte[]?, byte[]?> { Headers = headers })).ContentType);
        Assert.Null(Create(Record("orders", 0, 1, new Message<byte[]?, byte[]?>())).ContentType);
    }

    [Theory]
    [InlineData(1_790_000_000_000_000)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    [InlineData(253_402_300_800_000)]
    [InlineData(-62_135_596_800_001)]
    public void A_time_beyond_the_calendar_is_left_out_and_told(long time)
    {
        var content = Create(Record("orders", 0, 1, new Message<byte[]?, byte[]?> { Timestamp = new Timestamp(time, TimestampType.CreateTime) }));

        Assert.Null(content.Time);
        Assert.DoesNotContain(content.Headers, h => h.Is("X-Kafka-Timestamp"));
        Assert.Equal(time.ToString(CultureInfo.InvariantCulture), content.Headers.Single(h => h.Is("X-Kafka-Timestamp-Dropped")).Value);
        Assert.Equal(["Timestamp"], RecordEvent.Dropped(content));
    }

    [Theory]
    [InlineData(253_402_300_799_999)]
    [InlineData(-62_135_596_800_000)]
    [InlineData(-2)]
    [InlineData(0)]
    public void A_time_at_the_calendars_ends_is_kept(long time)
    {
        var content = Create(Record("orders", 0, 1, new Message<byte[]?, byte[]?> { Timestamp = new Timestamp(time, TimestampType.CreateTime) }));

        Assert.Equal(time, content.Time?.ToUnixTimeMilliseconds());
    }

    [Fact]
    public void What_cannot_be_told_of_a_record_costs_neither_its_place_nor_its_body()
    {
        var record = Record("orders", 3, 42, new Message<byte[]?, byte[]?> { Value = "v"u8.ToArray() });

        var content = RecordEvent.Unreadable(record, "g");

        Assert.Equal(Create(record).Id, content.Id);
        Assert.Equal("v"u8.ToArray(), content.Body.ToArray());
        Assert.Equal(["X-Kafka-Partition", "X-Kafka-Offset", "X-Kafka-Unreadable"], content.Headers.Select(h => h.Name));
    }

    [Fact]
    public void The_last_record_is_known_again_by_its_note_and_another_in_its_place_is_not()
    {
        var (key, value, time) = ("k"u8.ToArray(), "v"u8.ToArray(), new Timestamp(5, TimestampType.CreateTime));
        var last = LastRecord.Of(Record("orders", 0, 41, new Message<byte[]?, byte[]?> { Key = key, Value = value, Timestamp = time }));

        Assert.Equal(last, LastRecord.Parse(last.ToString()));
        Message<byte[]?, byte[]?>[] others =
        [
            new() { Key = key, Value = value, Timestamp = new Timestamp(6, TimestampType.CreateTime) },
            new() { Key = null, Value = value, Timestamp = time },
            new() { Key = [], Value = value, Timestamp = time },
            new() { Key = "kv"u8.ToArray(), Value = null, Timestamp = time },
            new() { Key = "kv"u8.ToArray(), Value = [], Timestamp = time },
        ];
        Assert.Equal(others.Length + 1, others.Select(m => LastRecord.Of(Record("orders", 0, 41, m))).Append(last).Distinct().Count());
    }

    [Theory]
    [InlineData("")]
    [InlineData("last-record 1")]
    [InlineData("last-record 99999999999999999999 0000000000000000")]
    [InlineData("somebody else's")]
    public void Another_tools_note_is_none(string note) => Assert.Null(LastRecord.Parse(note));

    private static Event Create(ConsumeResult<byte[]?, byte[]?> record) => RecordEvent.Create(record, "g", new HeaderLimits(50, 8192));

    private static ConsumeResult<byte[]?, byte[]?> Record(string topic, int partition, long offset, Message<byte[]?, byte[]?> message) =>
        new() { Topic = topic, Partition = partition, Offset = offset, Message = message };
}
