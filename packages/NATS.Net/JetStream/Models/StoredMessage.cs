namespace NATS.Client.JetStream.Models;

public record StoredMessage
{
    public required string Subject { get; set; }

    public ulong Seq { get; set; }

    public ReadOnlyMemory<byte> Data { get; set; }

    public DateTimeOffset Time { get; set; }

    /// <summary>The header block in base 64.</summary>
    public string? Hdrs { get; set; }
}
