namespace NATS.Client.JetStream.Models;

/// <summary>The stream's answer to a publish.</summary>
public record PubAckResponse
{
    public ApiError? Error { get; set; }

    public string? Stream { get; set; }

    public ulong Seq { get; set; }

    /// <summary>A message with this id was stored within the window; this one was not.</summary>
    public bool Duplicate { get; set; }

    public string? Domain { get; set; }
}
