namespace Connectors.Kafka.Client;

/// <summary>User name and password as they are now. A client knows those that it was made with; when the files change, it is made anew.</summary>
internal sealed record Credentials(string? Username, string? Password)
{
    public static Credentials Of(BrokerOptions broker) => new(broker.Username?.Value, broker.Password?.Value);

    public override string ToString() => "***";
}
