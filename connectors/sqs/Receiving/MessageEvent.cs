using Connectors.Sdk.Events;
using Connectors.Sdk.Invocation;
using Connectors.Sqs.Queues;

namespace Connectors.Sqs.Receiving;

/// <summary>A message as an event: OpenFaaS's two headers, then ours for what SQS and the sender say of it (docs/sqs.md).</summary>
internal static class MessageEvent
{
    /// <summary>Servers commonly refuse more than 32 KiB of headers in all; half of it is left to the rest of the way.</summary>
    public const int MaxAttributeBytes = 16 * 1024;

    private const string Prefix = "X-SQS-";
    private const string AttributePrefix = Prefix + "Attr-";
    private const string TypeSuffix = "-Type";

    public static Event Of(QueueMessage message, QueueAddress queue) => new()
    {
        Id = message.Id,
        Topic = queue.Name,
        Body = System.Text.Encoding.UTF8.GetBytes(message.Body),
        ContentType = Text(message, "Content-Type"),
        Headers = [.. Headers(message, queue)],
        Time = message.Sent,
        Source = queue.Url,
        Type = "com.amazonaws.sqs.message",
    };

    private static IEnumerable<Header> Headers(QueueMessage message, QueueAddress queue)
    {
        yield return new Header(Prefix + "Message-ID", message.Id);
        yield return new Header(Prefix + "Queue-URL", queue.Url);
        foreach (var (name, value) in message.System.OrderBy(s => s.Key, StringComparer.Ordinal))
        {
            yield return new Header(Prefix + name, CloudEvent.Encode(value));
        }

        var (bytes, leftOut) = (0, 0);
        foreach (var (name, attribute) in message.Attributes.OrderBy(a => a.Key, StringComparer.Ordinal))
        {
            var header = AttributePrefix + ForeignHeaders.Apart(ForeignHeaders.Token(name), TypeSuffix);
            var (value, type) = (CloudEvent.Encode(attribute.Value), CloudEvent.Encode(attribute.Type));
            var size = (2 * header.Length) + TypeSuffix.Length + value.Length + type.Length + 8;
            if (bytes + size > MaxAttributeBytes)
            {
                leftOut++;
                continue;
            }

            bytes += size;
            yield return new Header(header, value);
            yield return new Header(header + TypeSuffix, type);
        }

        if (leftOut > 0)
        {
            yield return new Header(Prefix + "Attrs-Dropped", leftOut.ToString());
        }

        // OpenTelemetry carries the trace in an attribute of this name; with the header, the SDK continues it.
        if (Text(message, WellKnownHeaders.TraceParent) is { } trace)
        {
            yield return new Header(WellKnownHeaders.TraceParent, trace);
        }
    }

    // Only text that arrives as it is; whether it means anything is for the SDK to see.
    private static string? Text(QueueMessage message, string name)
    {
        var attribute = message.Attributes.OrderBy(a => a.Key, StringComparer.Ordinal).FirstOrDefault(a => a.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;
        return attribute is { IsText: true, Value: { Length: > 0 } value } && ForeignHeaders.IsPlain(value) ? value : null;
    }
}
