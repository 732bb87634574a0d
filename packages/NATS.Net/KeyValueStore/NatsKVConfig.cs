using NATS.Client.JetStream.Models;

namespace NATS.Client.KeyValueStore;

/// <summary>How a bucket is to be. Zero means the server's default.</summary>
public record NatsKVConfig
{
    public NatsKVConfig(string bucket) => Bucket = bucket;

    public string Bucket { get; init; }

    public string? Description { get; init; }

    public int MaxValueSize { get; init; }

    /// <summary>Values kept for each key, 1 to 64.</summary>
    public long History { get; init; }

    public TimeSpan MaxAge { get; init; }

    public long MaxBytes { get; init; }

    public NatsKVStorageType Storage { get; init; }

    public int NumberOfReplicas { get; init; }

    public NatsKVRepublish? Republish { get; init; }

    public Placement? Placement { get; init; }

    public bool Compression { get; init; }
}

public record NatsKVRepublish
{
    public string? Src { get; init; }

    public string? Dest { get; init; }

    public bool HeadersOnly { get; init; }
}

public enum NatsKVStorageType
{
    File = 0,
    Memory = 1,
}
