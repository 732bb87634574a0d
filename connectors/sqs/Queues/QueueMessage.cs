namespace Connectors.Sqs.Queues;

/// <summary>A message as received.</summary>
/// <param name="Id">The same at each receive.</param>
/// <param name="Receipt">This receive's handle, by which it is deleted or hidden.</param>
/// <param name="Body">The text.</param>
/// <param name="System">What SQS says of it, such as <c>SentTimestamp</c> (milliseconds since 1970).</param>
/// <param name="Attributes">What its sender said of it.</param>
internal sealed record QueueMessage(
    string Id,
    string Receipt,
    string Body,
    IReadOnlyDictionary<string, string> System,
    IReadOnlyDictionary<string, QueueAttribute> Attributes)
{
    /// <summary>How often it was received, this time included.</summary>
    public int Receives => int.TryParse(System.GetValueOrDefault("ApproximateReceiveCount"), out var count) ? Math.Max(1, count) : 1;

    /// <summary>When it was sent.</summary>
    public DateTimeOffset? Sent =>
        long.TryParse(System.GetValueOrDefault("SentTimestamp"), out var milliseconds) && milliseconds is > 0 and < 253_402_300_800_000
            ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds)
            : null;

    /// <summary>FIFO queues: messages of one group are in order.</summary>
    public string? Group => System.GetValueOrDefault("MessageGroupId");
}

/// <summary>A message attribute.</summary>
/// <param name="Type"><c>String</c>, <c>Number</c> or <c>Binary</c>, perhaps with a label of the sender's behind a dot.</param>
/// <param name="Value">Its text; binary ones in base64.</param>
internal sealed record QueueAttribute(string Type, string Value)
{
    /// <summary>Whether it is text, rather than a number or bytes.</summary>
    public bool IsText => Type == "String" || Type.StartsWith("String.", StringComparison.Ordinal);
}
