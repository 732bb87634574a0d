namespace Connectors.Testing;

/// <summary>Who may be known to a test's nats-server: an nkey pair, and a user of an account under an operator.</summary>
public static class NatsIdentities
{
    /// <summary>An nkey's seed, from the documentation of nkeys.</summary>
    public const string Seed = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";

    /// <summary>Its public key.</summary>
    public const string PublicKey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

    /// <summary>A file's text with both.</summary>
    public const string KeyFile = Seed + "\n" + PublicKey + "\n";

    /// <summary>A seed that no server knows.</summary>
    public const string StrangersSeed = "SUAGLE4ANG2BAMD3FOISZP3QEOS7ZP3726SX2I3GMMXO5SBCTBVYTTDOHY";

    /// <summary>A server's configuration that knows the nkey.</summary>
    public static string NkeyConfig => $"authorization {{ users: [ {{ nkey: {PublicKey} }} ] }}";

    /// <summary>A server's configuration with an operator, to whom the user of <see cref="CredsFile"/> belongs; the account has JetStream.</summary>
    public static string OperatorConfig => File.ReadAllText(Path.Combine(Folder, "operator.conf"));

    /// <summary>The user's credentials.</summary>
    public static string CredsFile => Path.Combine(Folder, "user.creds");

    private static string Folder => Path.Combine(Tools.RepositoryRoot, "tests", "Testing", "operator");
}
