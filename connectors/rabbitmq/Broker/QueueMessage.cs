namespace Connectors.RabbitMq.Broker;

/// <summary>A message as delivered.</summary>
/// <param name="Tag">This delivery's number on its channel, by which it is settled.</param>
/// <param name="IsRedelivered">Whether it was delivered before, to whomever.</param>
/// <param name="Exchange">Where it was published; empty for the default exchange.</param>
/// <param name="RoutingKey">The key that it was published with.</param>
/// <param name="Properties">What its sender said of it.</param>
/// <param name="Body">The bytes.</param>
internal sealed record QueueMessage(ulong Tag, bool IsRedelivered, string Exchange, string RoutingKey, MessageProperties Properties, ReadOnlyMemory<byte> Body);

/// <summary>AMQP's properties of a message; null where there is none.</summary>
internal sealed record MessageProperties
{
    public string? MessageId { get; init; }

    public string? ContentType { get; init; }

    public string? ContentEncoding { get; init; }

    public string? CorrelationId { get; init; }

    public string? ReplyTo { get; init; }

    public string? Type { get; init; }

    public string? AppId { get; init; }

    public string? UserId { get; init; }

    public byte? Priority { get; init; }

    /// <summary>Seconds since 1970, as its sender gave them.</summary>
    public long? Timestamp { get; init; }

    /// <summary>Headers with AMQP's values: bytes, numbers, times, tables, lists.</summary>
    public IReadOnlyDictionary<string, object?> Headers { get; init; } = new Dictionary<string, object?>();
}
