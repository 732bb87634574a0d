namespace Connectors.Sdk.Hosting;

/// <summary>What every service of the suite lets an operator set.</summary>
public sealed record ServiceOptions
{
    /// <summary>The service's name in logs and in <c>User-Agent</c>.</summary>
    public required string Name { get; init; }

    private const string DefaultSecretMountPath = "/var/secrets";

    /// <summary>The <see cref="BindAddress"/> that stands for every address of the machine, IPv6 and IPv4.</summary>
    public const string Everywhere = "*";

    /// <summary>Address that all listeners bind to, or <see cref="Everywhere"/>.</summary>
    public required string BindAddress { get; init; }

    /// <summary>Port of the service's own API; null for a service that has none. 0 means a free one, told in the log.</summary>
    public int? Port { get; init; }

    /// <summary>Port of <c>/metrics</c>, <c>/healthz</c> and <c>/readyz</c>; 0 means a free one, told in the log.</summary>
    public required int MetricsPort { get; init; }

    /// <summary>How long running work may take to finish after SIGTERM.</summary>
    public required TimeSpan GracePeriod { get; init; }

    /// <summary>Whether debug lines are logged.</summary>
    public required bool Debug { get; init; }

    /// <summary>How log lines look.</summary>
    public required LogEncoding LogEncoding { get; init; }

    /// <summary>Directory of secret files.</summary>
    public required string SecretMountPath { get; init; }

    /// <summary>Reads the common options; <paramref name="port"/> is the default of a service with an API of its own.</summary>
    public static ServiceOptions Read(Settings settings, string name, int metricsPort = 8081, int? port = null, string secretMountPath = DefaultSecretMountPath)
    {
        Tracing.Check(settings);
        return new ServiceOptions
        {
            Name = name,
            BindAddress = ReadAddress(settings),
            Port = port is { } own ? settings.Number("port", own, "Port of the API; 0 means a free one, told in the log", 0, 65535) : null,
            MetricsPort = settings.Number("metrics_port", metricsPort, "Port of /metrics, /healthz and /readyz; 0 means a free one, told in the log", 0, 65535),
            GracePeriod = settings.Duration("grace_period", TimeSpan.FromSeconds(30), "How long running work may take to finish after SIGTERM"),
            Debug = settings.Flag("debug", false, "Log debug lines"),
            LogEncoding = settings.Choice("log_encoding", LogEncoding.Console, "How log lines look: console or json"),
            SecretMountPath = settings.Text("secret_mount_path", secretMountPath, "Directory of secret files, re-read when they change"),
        };
    }

    // For what is read before the common options, or beside them.
    internal static string SecretMountPathIn(Settings settings) => settings.Given("secret_mount_path") ?? DefaultSecretMountPath;

    private static string ReadAddress(Settings settings)
    {
        var address = settings.Text("bind_address", "127.0.0.1", "Address to listen on; * for all of them, IPv6 and IPv4; 0.0.0.0 for those of IPv4");
        if (address != Everywhere && !System.Net.IPAddress.TryParse(address, out _))
        {
            settings.Fault("bind_address", "an IP address such as 127.0.0.1, or * for all");
            return "127.0.0.1";
        }

        return address;
    }
}

/// <summary>How log lines look: text with JSON fields, or one JSON object a line.</summary>
public enum LogEncoding
{
    /// <summary>Time, level, message, then the fields as JSON.</summary>
    Console,

    /// <summary>One JSON object a line.</summary>
    Json,
}
