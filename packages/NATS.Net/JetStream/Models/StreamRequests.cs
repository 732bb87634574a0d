using System.Text.Json.Serialization;

namespace NATS.Client.JetStream.Models;

public record StreamInfoRequest
{
    public bool DeletedDetails { get; set; }

    /// <summary>Count messages of the subjects that match this.</summary>
    public string? SubjectsFilter { get; set; }

    public int Offset { get; set; }
}

public record StreamPurgeRequest
{
    public string? Filter { get; set; }

    /// <summary>Up to this sequence, without it. Not together with <see cref="Keep"/>.</summary>
    public ulong Seq { get; set; }

    /// <summary>So many messages stay.</summary>
    public ulong Keep { get; set; }
}

public record StreamPurgeResponse
{
    public bool Success { get; set; }

    public long Purged { get; set; }
}

public record StreamMsgDeleteRequest
{
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public ulong Seq { get; set; }

    /// <summary>Remove without overwriting the data first.</summary>
    public bool NoErase { get; set; }
}

public record StreamMsgDeleteResponse
{
    public bool Success { get; set; }
}

/// <summary>Which message: by sequence, the last of a subject, or the next of a subject from a sequence on.</summary>
public record StreamMsgGetRequest
{
    public ulong Seq { get; set; }

    public string? LastBySubj { get; set; }

    public string? NextBySubj { get; set; }
}

public record StreamMsgGetResponse
{
    public required StoredMessage Message { get; set; }
}
