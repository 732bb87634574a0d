using System.Globalization;
using Confluent.Kafka;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Events;
using Header = Connectors.Sdk.Invocation.Header;

namespace Connectors.Kafka.Records;

/// <summary>A Kafka record as the event that functions get. Whatever cannot be sent is left out, and a header that ends in <c>-Dropped</c> says so.</summary>
internal static class RecordEvent
{
    /// <summary>Translates a record.</summary>
    /// <param name="record">The record.</param>
    /// <param name="group">Our consumer group: another group's delivery of the same record is another event.</param>
    public static Event Create(ConsumeResult<byte[]?, byte[]?> record, string group)
    {
        var (partition, offset) = (Number(record.Partition.Value), Number(record.Offset.Value));
        var time = record.Message.Timestamp;
        return new Event
        {
            // With the timestamp, for offsets begin anew when a topic is deleted and made again.
            Id = $"kafka:{group}:{record.Topic}:{partition}:{offset}:{Number(time.UnixTimestampMs)}",
            Topic = record.Topic,
            Body = record.Message.Value,
            Headers = [.. Headers(record, partition, offset)],
            Time = time.Type == TimestampType.NotAvailable ? null : DateTimeOffset.FromUnixTimeMilliseconds(time.UnixTimestampMs),
            Source = $"/kafka/{record.Topic}/{partition}",
            Type = "connectors.kafka.record",
        };
    }

    private static IEnumerable<Header> Headers(ConsumeResult<byte[]?, byte[]?> record, string partition, string offset)
    {
        var message = record.Message;
        yield return new Header(HeaderRules.Prefix + "Partition", partition);
        yield return new Header(HeaderRules.Prefix + "Offset", offset);
        if (message.Timestamp.Type != TimestampType.NotAvailable)
        {
            yield return new Header(HeaderRules.Prefix + "Timestamp", Number(message.Timestamp.UnixTimestampMs));
        }

        foreach (var header in message.Key is null ? [] : HeaderRules.Key(message.Key))
        {
            yield return header;
        }

        if (message.Value is null)
        {
            yield return new Header(HeaderRules.Prefix + "Tombstone", "true");
        }

        foreach (var header in HeaderRules.Translate(message.Headers).Concat(Continued(message.Headers)))
        {
            yield return header;
        }
    }

    // The producer's trace goes on, and its call id stays, if they are what they should be.
    private static IEnumerable<Header> Continued(Headers? headers)
    {
        if (Own(headers, WellKnownHeaders.TraceParent) is { Length: 55 } trace && System.Diagnostics.ActivityContext.TryParse(trace, null, out _))
        {
            yield return new Header(WellKnownHeaders.TraceParent, trace);
        }

        if (Own(headers, WellKnownHeaders.CallId) is { Length: > 0 and <= 128 } callId && callId.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or ':'))
        {
            yield return new Header(WellKnownHeaders.CallId, callId);
        }
    }

    private static string? Own(Headers? headers, string name) =>
        headers?.LastOrDefault(h => h.Key.Equals(name, StringComparison.OrdinalIgnoreCase))?.GetValueBytes() is { } value
            ? System.Text.Encoding.Latin1.GetString(value)
            : null;

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
