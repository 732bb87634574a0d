namespace Connectors.Gateway.Enqueueing;

/// <summary>No ack within <c>nats_publish_timeout</c>, or a refusal; the message says which.</summary>
internal sealed class NotStoredException(string message) : Exception(message)
{
    /// <summary>Whether it is stored perhaps: there was no answer.</summary>
    public bool MayBeStored { get; init; }

    /// <summary>Whether there is no room for it: time alone makes none.</summary>
    public bool IsFull { get; init; }
}
