using Connectors.Sdk.Hosting;

namespace Connectors.Kafka.Client;

/// <summary>
/// User name, password and what the files of certificates and keys hold now. A client knows those that it was made with; when the files change, it is made
/// anew.
/// </summary>
internal sealed record Credentials(string? Username, string? Password, string Certificates)
{
    public static Credentials Of(BrokerOptions broker) =>
        new(broker.Username?.Value, broker.Password?.Value, string.Join('\0', broker.Certificates.Select(Content)));

    public override string ToString() => "***";

    // One that is gone or may not be read is as good as empty: no client is made of it.
    private static string? Content(SecretFile file) => file.Fault() is null ? file.Value : null;
}
