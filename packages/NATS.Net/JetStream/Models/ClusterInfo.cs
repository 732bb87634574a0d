namespace NATS.Client.JetStream.Models;

public record ClusterInfo
{
    public string? Name { get; set; }

    public string? Leader { get; set; }

    public ICollection<PeerInfo>? Replicas { get; set; }
}

public record PeerInfo
{
    public required string Name { get; set; }

    public bool Current { get; set; }

    public bool Offline { get; set; }

    public TimeSpan Active { get; set; }

    public int Lag { get; set; }
}
