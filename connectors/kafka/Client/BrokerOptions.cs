using Connectors.Sdk.Hosting;

namespace Connectors.Kafka.Client;

/// <summary>How the brokers are reached.</summary>
internal sealed record BrokerOptions
{
    private const string Prefix = "kafka_";

    /// <summary>Properties that would break what the connector promises, or that it names otherwise, with what to do instead.</summary>
    private static readonly Dictionary<string, string> Own = new()
    {
        ["bootstrap.servers"] = "set broker_hosts instead",
        ["metadata.broker.list"] = "set broker_hosts instead",
        ["group.id"] = "set group instead",
        ["auto.offset.reset"] = "set initial_offset instead",
        ["enable.auto.commit"] = "left unset: offsets are committed once their events are done",
        ["enable.auto.offset.store"] = "left unset: offsets are committed once their events are done",
        ["enable.partition.eof"] = "left unset",
        ["acks"] = "left unset: a dead letter is written once all replicas in sync have it",
        ["request.required.acks"] = "left unset: a dead letter is written once all replicas in sync have it",
        ["batch.num.messages"] = "left unset: brokers say of each dead letter by itself whether it is too large",
        ["sasl.username"] = "in the file that username_file names",
        ["sasl.password"] = "in the file that password_file names",
    };

    private static readonly string[] Secrets = ["password", "passphrase", "secret", "pem", "jaas", "oauthbearer.config", "oauthbearer.extensions"];

    public required IReadOnlyList<string> Hosts { get; init; }

    public required bool Tls { get; init; }

    /// <summary>The files with user name and password; null without SASL.</summary>
    public SecretFile? Username { get; init; }

    public SecretFile? Password { get; init; }

    public required SaslMechanism Mechanism { get; init; }

    public string CaFile { get; init; } = "";

    public string CertFile { get; init; } = "";

    public string KeyFile { get; init; } = "";

    /// <summary>The files of certificates, keys and authorities, however they are named: a client reads them once, when it is made.</summary>
    public IReadOnlyList<SecretFile> Certificates { get; init; } = [];

    /// <summary>librdkafka's own properties, as given by <c>kafka_…</c>; they win over ours.</summary>
    public required IReadOnlyDictionary<string, string> Properties { get; init; }

    public bool Sasl => Username is not null;

    public static BrokerOptions Read(Settings settings)
    {
        var username = settings.SecretFile("username_file", "File with the SASL user name; with it and password_file, SASL is used");
        var password = settings.SecretFile("password_file", "File with the SASL password");
        if (username is null != password is null)
        {
            settings.Fault(username is null ? "username_file" : "password_file", "both of username_file and password_file, or neither");
        }

        var options = new BrokerOptions
        {
            Hosts = ReadHosts(settings),
            Tls = settings.Flag("tls", false, "Encrypt connections with TLS"),
            Username = username,
            Password = password,
            Mechanism = settings.Choice("sasl_mechanism", SaslMechanism.Plain, "SASL mechanism: plain, scram_sha256 or scram_sha512"),
            CaFile = settings.File("ca_file", "File with the authorities (PEM) that brokers' certificates are checked against; the system's without it"),
            CertFile = settings.File("cert_file", "File with the client's certificate (PEM)"),
            KeyFile = settings.File("key_file", "File with the client's private key (PEM)"),
            Properties = ReadProperties(settings),
        };
        return options with { Certificates = [.. options.Places().Where(File.Exists).Select(path => new SecretFile(path))] };
    }

    private IEnumerable<string> Places() =>
        Properties.Where(p => p.Key.StartsWith("ssl.", StringComparison.Ordinal) && p.Key.EndsWith(".location", StringComparison.Ordinal))
            .Select(p => p.Value)
            .Concat([CaFile, CertFile, KeyFile]);

    private static IReadOnlyList<string> ReadHosts(Settings settings)
    {
        var hosts = settings.List("broker_hosts", "kf-kafka:9092", "Brokers to begin with, host:port, separated by commas");
        if (hosts.Count == 0)
        {
            settings.Fault("broker_hosts", "at least one host:port");
        }

        return hosts;
    }

    private static Dictionary<string, string> ReadProperties(Settings settings)
    {
        var properties = new Dictionary<string, string>();
        foreach (var name in settings.Names.Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            var property = Property(name);
            var meaning = $"librdkafka's property {property}";
            var isSecret = Secrets.Any(s => property.Contains(s, StringComparison.Ordinal));
            var value = isSecret ? settings.SecretText(name, meaning) : settings.Text(name, "", meaning);
            if (Own.TryGetValue(property, out var instead))
            {
                settings.Fault(name, instead);
            }
            else if (value.Length > 0)
            {
                properties[property] = value;
            }
        }

        return properties;
    }

    /// <summary>The property that an option stands for: dots are written as underscores.</summary>
    public static string Property(string option) => option[Prefix.Length..].Replace('_', '.');

    /// <summary>The option that stands for a property.</summary>
    public static string Option(string property) => Prefix + property.Replace('.', '_');
}

/// <summary>How user name and password are proved.</summary>
internal enum SaslMechanism
{
    Plain,
    ScramSha256,
    ScramSha512,
}
