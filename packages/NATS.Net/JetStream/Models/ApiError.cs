namespace NATS.Client.JetStream.Models;

public record ApiError
{
    /// <summary>As in HTTP.</summary>
    public int Code { get; set; }

    public string? Description { get; set; }

    /// <summary>The server's own number for this kind of error.</summary>
    public int ErrCode { get; set; }
}
