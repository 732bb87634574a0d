using Connectors.Sdk.Invocation;
using Connectors.Sdk.Events;
using Connectors.Sqs.Queues;

namespace Connectors.Sqs.Receiving;

/// <summary>A message as an event: OpenFaaS's two headers, then ours for what SQS and the sender say of it (openfaas-spec 7, docs/sqs.md).</summary>
internal static class MessageEvent
{
    private const string Prefix = "X-SQS-";

    public static Event Of(QueueMessage message, QueueAddress queue) => new()
    {
        Id = message.Id,
        Topic = queue.Name,
        Body = System.Text.Encoding.UTF8.GetBytes(message.Body),
        ContentType = Attribute(message, "Content-Type"),
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

        foreach (var (name, attribute) in message.Attributes.OrderBy(a => a.Key, StringComparer.Ordinal))
        {
            yield return new Header($"{Prefix}Attr-{name}", CloudEvent.Encode(attribute.Value));
            yield return new Header($"{Prefix}Attr-{name}-Type", CloudEvent.Encode(attribute.Type));
        }

        // OpenTelemetry carries the trace in an attribute of this name; with the header, the SDK continues it.
        if (Attribute(message, WellKnownHeaders.TraceParent) is { } trace)
        {
            yield return new Header(WellKnownHeaders.TraceParent, trace);
        }
    }

    // Only what is fit for a header as it is.
    private static string? Attribute(QueueMessage message, string name)
    {
        var value = message.Attributes.FirstOrDefault(a => a.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value?.Value;
        return value is { Length: > 0 } && value.All(c => c is >= ' ' and < '\x7f') ? value : null;
    }
}
