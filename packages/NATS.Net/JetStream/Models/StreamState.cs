namespace NATS.Client.JetStream.Models;

public record StreamState
{
    public long Messages { get; set; }

    public long Bytes { get; set; }

    public ulong FirstSeq { get; set; }

    public string? FirstTs { get; set; }

    public ulong LastSeq { get; set; }

    public string? LastTs { get; set; }

    public ICollection<long>? Deleted { get; set; }

    /// <summary>Messages by subject; only when a subjects filter was asked for.</summary>
    public IDictionary<string, long>? Subjects { get; set; }

    public long NumSubjects { get; set; }

    public long NumDeleted { get; set; }

    public long ConsumerCount { get; set; }
}
