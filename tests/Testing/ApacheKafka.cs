using System.Globalization;

namespace Connectors.Testing;

/// <summary>
/// A real Apache Kafka 0.9.0.1 broker with its ZooKeeper, on free loopback ports. It knows no headers and no PLAIN; clients need
/// <c>api.version.request=false</c>, <c>broker.version.fallback=0.9.0.1</c> and a session timeout of 1 to 30 seconds. One that is started with certificates has
/// a listener with TLS besides, which lets in whoever has one of the same authority.
/// </summary>
public sealed class ApacheKafka : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("kafka-").FullName;
    private readonly string[] _settings;
    private readonly string _port = Text(FreePort.Next());
    private readonly string _tlsPort = Text(FreePort.Next());
    private ChildProcess? _zooKeeper;
    private ChildProcess? _broker;

    private ApacheKafka(string[] settings, TestCertificates? certificates) => _settings = [.. settings, .. certificates is not null ? Tls(certificates) : []];

    /// <summary>For <c>bootstrap.servers</c>; the same after every restart.</summary>
    public string BootstrapServers => $"127.0.0.1:{_port}";

    /// <summary>The same with TLS.</summary>
    public string TlsServers => $"127.0.0.1:{_tlsPort}";

    /// <summary>Where its ZooKeeper listens; what makes topics asks there.</summary>
    public string ZooKeeperPort { get; } = Text(FreePort.Next());

    /// <summary>What the broker logged since its last start.</summary>
    public string Log => _broker?.Tail(200) ?? "";

    /// <summary>Starts both.</summary>
    /// <param name="settings">More of the broker's settings, as in its server.properties: <c>auto.create.topics.enable=false</c>.</param>
    public static Task<ApacheKafka> StartAsync(params string[] settings) => StartAsync(null, settings);

    /// <summary>Starts both.</summary>
    /// <param name="certificates">The broker's certificate, and the authority of its clients.</param>
    /// <param name="settings">More of the broker's settings.</param>
    public static async Task<ApacheKafka> StartAsync(TestCertificates? certificates, params string[] settings)
    {
        Tools.Path("kafka");
        var kafka = new ApacheKafka(settings, certificates);
        try
        {
            kafka._zooKeeper = ChildProcess.Start(Serve, ["zookeeper", kafka.ZooKeeperPort, Path.Combine(kafka._directory, "zookeeper")]);
            await kafka._zooKeeper.LineAsync(line => line.Contains("binding to port", StringComparison.Ordinal), "ZooKeeper listens");
            await kafka.StartAgainAsync();
            return kafka;
        }
        catch
        {
            await kafka.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the broker again after <see cref="StopAsync"/> or <see cref="KillAsync"/>, on the same port and data.</summary>
    public Task StartAgainAsync() => Eventually.HoldsAsync(BrokerStartsAsync, () => $"the broker is started; it wrote:\n{Log}");

    /// <summary>Makes a topic.</summary>
    public async Task CreateTopicAsync(string name, int partitions = 1)
    {
        await using var tool = ChildProcess.Start(Serve, ["topic", ZooKeeperPort, name, Text(partitions)]);
        if (await tool.ExitAsync() != 0 || !tool.Lines.Any(line => line.StartsWith("Created topic", StringComparison.Ordinal)))
        {
            throw new InvalidOperationException($"Topic {name} was not made:\n{tool.Tail()}");
        }
    }

    /// <summary>Gives a topic so many partitions in all.</summary>
    public Task SetPartitionsAsync(string name, int partitions) => RunAsync("partitions", name, Text(partitions));

    /// <summary>Deletes a topic; the broker needs <c>delete.topic.enable=true</c>. Done a little later: until then its name is taken.</summary>
    public Task DeleteTopicAsync(string name) => RunAsync("delete", name);

    /// <summary>SIGTERM to the broker.</summary>
    public async Task StopAsync() => await Broker.TerminateAsync();

    /// <summary>SIGKILL to the broker.</summary>
    public async Task KillAsync() => await Broker.KillAsync();

    /// <summary>SIGSTOP: connections stay open and nothing is answered.</summary>
    public void Pause() => Broker.Pause();

    /// <summary>SIGCONT.</summary>
    public void Resume() => Broker.Resume();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await EndAsync(_broker);
        await EndAsync(_zooKeeper);
        Directory.Delete(_directory, recursive: true);
    }

    private string[] Tls(TestCertificates certificates) =>
    [
        $"listeners=PLAINTEXT://{BootstrapServers},SSL://{TlsServers}",
        "ssl.client.auth=required",
        "ssl.keystore.type=PKCS12",
        $"ssl.keystore.location={certificates.KeyStore("server")}",
        $"ssl.keystore.password={TestCertificates.StorePassword}",
        $"ssl.key.password={TestCertificates.StorePassword}",
        "ssl.truststore.type=PKCS12",
        $"ssl.truststore.location={certificates.TrustStore()}",
        $"ssl.truststore.password={TestCertificates.StorePassword}",
    ];

    private async Task RunAsync(string verb, params string[] arguments)
    {
        await using var tool = ChildProcess.Start(Serve, [verb, ZooKeeperPort, .. arguments]);
        if (await tool.ExitAsync() != 0)
        {
            throw new InvalidOperationException($"{verb} {string.Join(' ', arguments)} failed:\n{tool.Tail()}");
        }
    }

    private static string Serve => Path.Combine(Tools.RepositoryRoot, "tests", "Testing", "servers", "kafka", "serve");

    private ChildProcess Broker => _broker ?? throw new InvalidOperationException("The broker was not started.");

    // It refuses to start while ZooKeeper still holds the session of one that was killed: that lapses after 1.5 s.
    private async Task<bool> BrokerStartsAsync()
    {
        await EndAsync(_broker);
        _broker = ChildProcess.Start(Serve, ["broker", _port, Path.Combine(_directory, "broker"), ZooKeeperPort, .. _settings]);
        await _broker.LineAsync(line => line.EndsWith("started", StringComparison.Ordinal), "the broker is started");
        return true;
    }

    private static ValueTask EndAsync(ChildProcess? process) => process?.DisposeAsync() ?? ValueTask.CompletedTask;

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
