using System.Text.Json.Serialization;

namespace NATS.Client.JetStream.Models;

/// <summary>How a stream is to be. Zero and null mean the server's default.</summary>
public record StreamConfig
{
    public StreamConfig()
    {
    }

    public StreamConfig(string name, ICollection<string> subjects)
    {
        Name = name;
        Subjects = subjects;
    }

    public string? Name { get; set; }

    public string? Description { get; set; }

    public ICollection<string>? Subjects { get; set; }

    public SubjectTransform? SubjectTransform { get; set; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public StreamConfigRetention Retention { get; set; } = StreamConfigRetention.Limits;

    public int MaxConsumers { get; set; }

    public long MaxMsgs { get; set; }

    public long MaxMsgsPerSubject { get; set; }

    public long MaxBytes { get; set; }

    public TimeSpan MaxAge { get; set; }

    public int MaxMsgSize { get; set; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public StreamConfigStorage Storage { get; set; } = StreamConfigStorage.File;

    public StreamConfigCompression Compression { get; set; } = StreamConfigCompression.None;

    public int NumReplicas { get; set; }

    public bool NoAck { get; set; }

    public StreamConfigDiscard Discard { get; set; } = StreamConfigDiscard.Old;

    /// <summary>How long message ids are remembered.</summary>
    public TimeSpan DuplicateWindow { get; set; }

    public Placement? Placement { get; set; }

    public bool Sealed { get; set; }

    public bool DenyDelete { get; set; }

    public bool DenyPurge { get; set; }

    public bool AllowRollupHdrs { get; set; }

    public bool AllowDirect { get; set; }

    public bool MirrorDirect { get; set; }

    public Republish? Republish { get; set; }

    public bool DiscardNewPerSubject { get; set; }

    public IDictionary<string, string>? Metadata { get; set; }
}
