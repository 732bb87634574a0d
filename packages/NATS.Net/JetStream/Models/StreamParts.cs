namespace NATS.Client.JetStream.Models;

/// <summary>Messages of a stream sent on as plain messages under another subject.</summary>
public record Republish
{
    public required string Src { get; set; }

    public required string Dest { get; set; }

    public bool HeadersOnly { get; set; }
}

public record SubjectTransform
{
    public string? Src { get; set; }

    public required string Dest { get; set; }
}

public record Placement
{
    public string? Cluster { get; set; }

    public ICollection<string>? Tags { get; set; }
}
