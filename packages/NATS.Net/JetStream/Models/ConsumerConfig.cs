using System.Text.Json.Serialization;

namespace NATS.Client.JetStream.Models;

/// <summary>How a consumer is to be. Without a durable name it goes away after <see cref="InactiveThreshold"/> without pulls.</summary>
public record ConsumerConfig
{
    public ConsumerConfig()
    {
    }

    /// <summary>A durable consumer.</summary>
    public ConsumerConfig(string name)
    {
        Name = name;
        DurableName = name;
    }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public ConsumerConfigDeliverPolicy DeliverPolicy { get; set; } = ConsumerConfigDeliverPolicy.All;

    public ulong OptStartSeq { get; set; }

    public DateTimeOffset OptStartTime { get; set; }

    public string? DurableName { get; set; }

    public string? Name { get; set; }

    public string? Description { get; set; }

    public string? DeliverSubject { get; set; }

    public string? DeliverGroup { get; set; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public ConsumerConfigAckPolicy AckPolicy { get; set; } = ConsumerConfigAckPolicy.Explicit;

    public TimeSpan AckWait { get; set; }

    /// <summary>-1: without limit.</summary>
    public long MaxDeliver { get; set; }

    public string? FilterSubject { get; set; }

    public ICollection<string>? FilterSubjects { get; set; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public ConsumerConfigReplayPolicy ReplayPolicy { get; set; } = ConsumerConfigReplayPolicy.Instant;

    public string? SampleFreq { get; set; }

    public long RateLimitBps { get; set; }

    /// <summary>-1: without limit.</summary>
    public long MaxAckPending { get; set; }

    public TimeSpan IdleHeartbeat { get; set; }

    public bool FlowControl { get; set; }

    public long MaxWaiting { get; set; }

    public bool HeadersOnly { get; set; }

    public int MaxBatch { get; set; }

    public TimeSpan MaxExpires { get; set; }

    public long MaxBytes { get; set; }

    public TimeSpan InactiveThreshold { get; set; }

    public ICollection<TimeSpan>? Backoff { get; set; }

    public long NumReplicas { get; set; }

    public bool MemStorage { get; set; }

    public IDictionary<string, string>? Metadata { get; set; }
}
