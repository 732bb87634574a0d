using System.Globalization;
using System.Text;
using Confluent.Kafka;
using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;
using Header = Connectors.Sdk.Invocation.Header;

namespace Connectors.Kafka.Records;

/// <summary>A Kafka record as the event that functions get. Whatever cannot be sent is left out, and a header that ends in <c>-Dropped</c> says so.</summary>
internal static class RecordEvent
{
    private const string DroppedSuffix = "-Dropped";

    // A media type's two names have at most 127 characters each; a header without bound would leave no room for the others.
    private const int MaxContentType = 255;

    private static readonly string[] Parts = ["Key", "Timestamp", "Headers"];

    // What a DateTime can hold: the years 1 to 9999. A producer that counts microseconds is in the year 57,000.
    private static readonly long MinTime = DateTimeOffset.MinValue.ToUnixTimeMilliseconds();
    private static readonly long MaxTime = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();

    /// <summary>Translates a record.</summary>
    /// <param name="record">The record.</param>
    /// <param name="group">Our consumer group: another group's delivery of the same record is another event.</param>
    /// <param name="limits">How much of its headers is sent.</param>
    public static Event Create(ConsumeResult<byte[]?, byte[]?> record, string group, HeaderLimits limits) => Bare(record, group) with
    {
        Headers = [.. Place(record), .. Headers(record.Message, limits)],
        Time = Time(record.Message.Timestamp),
        ContentType = Last(record.Message.Headers, "Content-Type") is { Length: <= MaxContentType } type ? type : null,
    };

    /// <summary>The record's place and body alone: for one that proved impossible to translate, which must not hold up the others.</summary>
    public static Event Unreadable(ConsumeResult<byte[]?, byte[]?> record, string group) => Bare(record, group) with
    {
        Headers = [.. Place(record), new Header(HeaderRules.Prefix + "Unreadable", "true")],
    };

    /// <summary>The parts of an event's record that were left out.</summary>
    public static IEnumerable<string> Dropped(Event content) => Parts.Where(part => content.Headers.Any(h => h.Is($"{HeaderRules.Prefix}{part}{DroppedSuffix}")));

    /// <summary>Whether a record has a time: -1 is what producers write that give it none.</summary>
    public static bool HasTime(Timestamp timestamp) => timestamp.Type != TimestampType.NotAvailable && timestamp.UnixTimestampMs != -1;

    private static Event Bare(ConsumeResult<byte[]?, byte[]?> record, string group) => new()
    {
        // With the timestamp, for offsets begin anew when a topic is deleted and made again.
        Id = $"kafka:{group}:{record.Topic}:{Number(record.Partition.Value)}:{Number(record.Offset.Value)}:{Number(record.Message.Timestamp.UnixTimestampMs)}",
        Topic = record.Topic,
        Body = record.Message.Value,
        Source = $"/kafka/{record.Topic}/{Number(record.Partition.Value)}",
        Type = "connectors.kafka.record",
    };

    private static DateTimeOffset? Time(Timestamp timestamp) =>
        IsTime(timestamp) ? DateTimeOffset.FromUnixTimeMilliseconds(timestamp.UnixTimestampMs) : null;

    private static bool IsTime(Timestamp timestamp) =>
        HasTime(timestamp) && timestamp.UnixTimestampMs >= MinTime && timestamp.UnixTimestampMs <= MaxTime;

    private static IEnumerable<Header> Place(ConsumeResult<byte[]?, byte[]?> record)
    {
        yield return new Header(HeaderRules.Prefix + "Partition", Number(record.Partition.Value));
        yield return new Header(HeaderRules.Prefix + "Offset", Number(record.Offset.Value));
    }

    private static IEnumerable<Header> Headers(Message<byte[]?, byte[]?> message, HeaderLimits limits)
    {
        if (HasTime(message.Timestamp))
        {
            var name = HeaderRules.Prefix + "Timestamp" + (IsTime(message.Timestamp) ? "" : DroppedSuffix);
            yield return new Header(name, Number(message.Timestamp.UnixTimestampMs));
        }

        foreach (var header in message.Key is null ? [] : HeaderRules.Key(message.Key))
        {
            yield return header;
        }

        if (message.Value is null)
        {
            yield return new Header(HeaderRules.Prefix + "Tombstone", "true");
        }

        foreach (var header in HeaderRules.Translate(message.Headers, limits).Concat(Continued(message.Headers)))
        {
            yield return header;
        }
    }

    // The SDK continues a trace, and a call, that the producer began, if they are what they should be.
    private static IEnumerable<Header> Continued(Headers? headers)
    {
        foreach (var name in new[] { WellKnownHeaders.TraceParent, WellKnownHeaders.CallId })
        {
            if (Last(headers, name) is { } value)
            {
                yield return new Header(name, value);
            }
        }
    }

    private static string? Last(Headers? headers, string name) =>
        headers?.LastOrDefault(h => h.Key.Equals(name, StringComparison.OrdinalIgnoreCase))?.GetValueBytes() is { } value ? Encoding.Latin1.GetString(value) : null;

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
