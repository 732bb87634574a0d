using Connectors.Sdk.Invocation;

namespace Connectors.Sdk.Events;

/// <summary>What a connector hands on: one thing that happened, on its way to every function of its topic.</summary>
public sealed record Event
{
    /// <summary>The same for every delivery of the same event; sent as <c>Idempotency-Key</c>, hashed if it is not of 1–128 <c>[A-Za-z0-9_.:-]</c>.</summary>
    public required string Id { get; init; }

    /// <summary>The name that functions subscribe to by their <c>topic</c> annotation.</summary>
    public required string Topic { get; init; }

    /// <summary>The raw body. It is sent from where it is, in each run anew: its bytes stay as they are until the event is settled.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>The body's media type; null, or what is none, for the connector's default.</summary>
    public string? ContentType { get; init; }

    /// <summary>
    /// Headers of the connector's own, such as <c>X-Kafka-Partition</c>, encoded by <see cref="ForeignHeaders"/> where HTTP could not carry them as they
    /// are. A well-formed <c>X-Call-Id</c> among them is the call's instead of a new one; a well-formed <c>traceparent</c> goes on to the call, as the parent
    /// of the event's span where traces are sent. Other names that the SDK or HTTP sets itself are left out; those of HTTP, such as <c>Host</c> and
    /// <c>Connection</c>, are counted.
    /// </summary>
    public IReadOnlyList<Header> Headers { get; init; } = [];

    /// <summary>When it happened, if the source says so.</summary>
    public DateTimeOffset? Time { get; init; }

    /// <summary>Where it came from, as a URI reference; the <c>source</c> of its CloudEvent. Empty for the connector's name.</summary>
    public string Source { get; init; } = "";

    /// <summary>What kind of thing happened; the <c>type</c> of its CloudEvent.</summary>
    public string Type { get; init; } = "connectors.event";

    /// <summary>The one function that it is for, instead of the topic's; null for all of the topic.</summary>
    public FunctionName? Target { get; init; }

    /// <summary>Whether to enqueue the call instead of waiting for the answer; null for the connector's setting.</summary>
    public bool? Asynchronous { get; init; }
}
