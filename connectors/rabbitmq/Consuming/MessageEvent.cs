using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Connectors.RabbitMq.Broker;
using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;
using RabbitMQ.Client;

namespace Connectors.RabbitMq.Consuming;

/// <summary>A message as the event that functions get: OpenFaaS's headers, then ours for what its sender said of it (docs/rabbitmq.md).</summary>
internal static class MessageEvent
{
    /// <summary>Servers commonly refuse more than 100 header lines, or 16 KiB of them; half of it is left to the rest of the way.</summary>
    public const int MaxHeaders = 50;

    /// <summary>The same in bytes, for names and values together.</summary>
    public const int MaxHeaderBytes = 8 * 1024;

    private const string Prefix = "X-Rabbitmq-";
    private const string HeaderPrefix = Prefix + "Header-";
    private const int MaxPropertyLength = 1024;

    // Tables may lie in tables as deep as a stack is high.
    private const int MaxDepth = 16;

    public static Event Of(QueueMessage message, string queue) => Bare(message, queue) with
    {
        ContentType = message.Properties.ContentType,
        Headers = [.. Headers(message)],
        Time = Time(message.Properties.Timestamp),
    };

    /// <summary>The body alone: for a message that proved impossible to translate, which must not hold up the others.</summary>
    public static Event Bare(QueueMessage message, string queue) => new()
    {
        Id = Id(message, queue),
        Topic = queue,
        Body = message.Body,
        Source = $"/rabbitmq/{Uri.EscapeDataString(queue)}",
        Type = "connectors.rabbitmq.message",
    };

    /// <summary>
    /// The message's own id, if its sender gave one; with its body, for some give the same to different messages, and the second must not pass for a repeat
    /// of the first. RabbitMQ itself has no name for a message: without an id each delivery is an event of its own.
    /// </summary>
    public static string Id(QueueMessage message, string queue) =>
        message.Properties.MessageId is { Length: > 0 } id
            ? $"rabbitmq:{queue}:{id}:{Convert.ToHexStringLower(SHA256.HashData(message.Body.Span).AsSpan(0, 8))}"
            : $"rabbitmq:{queue}:{Guid.NewGuid()}";

    private static IEnumerable<Header> Headers(QueueMessage message)
    {
        var properties = message.Properties;
        yield return new Header(Prefix + "Routing-Key", message.RoutingKey);
        yield return new Header(Prefix + "Exchange", message.Exchange);
        yield return new Header(Prefix + "Redelivered", message.IsRedelivered ? "true" : "false");
        foreach (var (name, value) in new[]
        {
            (Prefix + "Msg-Id", properties.MessageId), ("X-Msg-Id", properties.MessageId), (Prefix + "Correlation-Id", properties.CorrelationId),
            (Prefix + "Reply-To", properties.ReplyTo), (Prefix + "Type", properties.Type), (Prefix + "App-Id", properties.AppId),
            (Prefix + "User-Id", properties.UserId), (Prefix + "Content-Encoding", properties.ContentEncoding),
            (Prefix + "Priority", properties.Priority?.ToString(CultureInfo.InvariantCulture)),
            (Prefix + "Timestamp", properties.Timestamp?.ToString(CultureInfo.InvariantCulture)),
        })
        {
            if (value is { Length: > 0 and <= MaxPropertyLength })
            {
                yield return new Header(name, value);
            }
        }

        foreach (var header in SendersHeaders(properties.Headers))
        {
            yield return header;
        }

        // The SDK continues a trace, and a call, that its sender began.
        foreach (var name in new[] { WellKnownHeaders.TraceParent, WellKnownHeaders.CallId })
        {
            if (properties.Headers.FirstOrDefault(h => h.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value is { } value && ForeignHeaders.IsPlain(Text(value)))
            {
                yield return new Header(name, Text(value));
            }
        }
    }

    private static IEnumerable<Header> SendersHeaders(IReadOnlyDictionary<string, object?> headers)
    {
        var (lines, bytes, leftOut) = (0, 0, 0);
        foreach (var (key, value) in headers.OrderBy(h => h.Key, StringComparer.Ordinal))
        {
            var name = HeaderPrefix + ForeignHeaders.Apart(ForeignHeaders.Token(key), ForeignHeaders.EncodingSuffix);
            var text = Text(value);
            var isPlain = ForeignHeaders.IsPlain(text);
            var size = (isPlain ? 1 : 2) * (name.Length + 8) + (isPlain ? text.Length : Encoding.UTF8.GetByteCount(text) * 4 / 3);
            if (lines + 2 > MaxHeaders || bytes + size > MaxHeaderBytes || key.Length == 0)
            {
                leftOut++;
                continue;
            }

            (lines, bytes) = (lines + (isPlain ? 1 : 2), bytes + size);
            yield return new Header(name, text);
        }

        if (leftOut > 0)
        {
            yield return new Header(Prefix + "Headers-Dropped", leftOut.ToString(CultureInfo.InvariantCulture));
        }
    }

    // Tables and lists, such as x-death, are JSON; bytes that are no UTF-8 are their base64.
    private static string Text(object? value) => value switch
    {
        null => "",
        byte[] or BinaryTableValue or string => Words(value),
        System.Collections.IDictionary or System.Collections.IList => Json(value, depth: 0)?.ToJsonString() ?? "",
        AmqpTimestamp time => time.UnixTime.ToString(CultureInfo.InvariantCulture),
        bool flag => flag ? "true" : "false",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };

    private static string Words(object value)
    {
        var bytes = value switch { BinaryTableValue binary => binary.Bytes, byte[] given => given, _ => Encoding.UTF8.GetBytes((string)value) };
        return System.Text.Unicode.Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : Convert.ToBase64String(bytes);
    }

    private static JsonNode? Json(object? value, int depth) => value switch
    {
        null => null,
        System.Collections.IDictionary or System.Collections.IList when depth == MaxDepth && value is not byte[] => JsonValue.Create("..."),
        IDictionary<string, object?> table => new JsonObject(table.Select(entry => KeyValuePair.Create(entry.Key, Json(entry.Value, depth + 1)))),
        byte[] => JsonValue.Create(Words(value)),
        System.Collections.IList list => new JsonArray([.. list.Cast<object?>().Select(entry => Json(entry, depth + 1))]),
        bool flag => JsonValue.Create(flag),
        sbyte or byte or short or ushort or int or uint or long => JsonValue.Create(Convert.ToInt64(value, CultureInfo.InvariantCulture)),
        _ => JsonValue.Create(Text(value)),
    };

    private static DateTimeOffset? Time(long? seconds) => seconds is > 0 and < 253_402_300_800 ? DateTimeOffset.FromUnixTimeSeconds(seconds.Value) : null;
}
