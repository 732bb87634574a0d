namespace NATS.Client.JetStream.Models;

public record AccountInfoResponse : AccountStats;

public record AccountStats
{
    public ulong Memory { get; set; }

    public ulong Storage { get; set; }

    public int Streams { get; set; }

    public int Consumers { get; set; }

    public string? Domain { get; set; }
}
