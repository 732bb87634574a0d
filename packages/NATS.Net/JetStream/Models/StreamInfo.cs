namespace NATS.Client.JetStream.Models;

public record StreamInfo
{
    public StreamConfig Config { get; set; } = new();

    public StreamState State { get; set; } = new();

    public DateTimeOffset Created { get; set; }

    /// <summary>The server's clock when it answered.</summary>
    public DateTimeOffset Ts { get; set; }

    public ClusterInfo? Cluster { get; set; }
}
