using Confluent.Kafka;
using Connectors.Testing;

namespace Connectors.Kafka.Tests.Delivery;

/// <summary>What concerns the whole of a broker: each test has an Apache Kafka 0.9 of its own.</summary>
public class ApacheAloneTests
{
    private const string Topic = "orders";

    [Fact]
    public async Task A_pattern_for_everything_brings_in_no_topic_of_kafkas_own()
    {
        await using var kafka = await ApacheKafka.StartAsync();
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting("*", "receiver"));

        // Whoever asks for the topic and for a group's offsets has the broker make what holds them: both are there before the connector is.
        await MakeTopicAsync(kafka);
        await Eventually.HoldsAsync(() => Committed(kafka, Topic) < 0, "the group has committed nothing");
        await using var connector = await RunAsync(Options(kafka.BootstrapServers, gateway, "topics", "*"));

        // Each of these is a commit, which would be the next event.
        for (var i = 1; i <= 5; i++)
        {
            await ProduceAsync(kafka);
            await Eventually.HoldsAsync(() => Committed(kafka, Topic) >= i, () => $"{i} are committed; {Committed(kafka, Topic)} are");
        }

        Assert.All(gateway.Calls, call => Assert.Equal(Topic, call.Header("X-Topic")));
        Assert.All(Clients.Committed(kafka.BootstrapServers, Topic, "__consumer_offsets", 3, OldBroker.Properties), offset => Assert.Equal(Offset.Unset.Value, offset));
    }

    [Fact]
    public async Task An_offset_that_does_not_change_outlives_the_brokers_retention()
    {
        await using var kafka = await ApacheKafka.StartAsync("offsets.retention.minutes=1", "offsets.retention.check.interval.ms=1000");
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(Topic, "receiver"));
        await MakeTopicAsync(kafka);
        var options = Options(kafka.BootstrapServers, gateway);
        await using var connector = await RunAsync(options with { Session = options.Session with { RenewInterval = TimeSpan.FromSeconds(5) } });
        await ProduceAsync(kafka);
        await Eventually.HoldsAsync(() => Committed(kafka, Topic) >= 1, "it is committed");

        // Committed later than ours: when this one is forgotten, so would ours be.
        Clients.Commit(kafka.BootstrapServers, "idle", Topic, 0, 1, OldBroker.Properties);
        await Eventually.HoldsAsync(() => Committed(kafka, "idle") < 0, "the offset of a group without members is forgotten");

        Assert.True(Committed(kafka, Topic) >= 1);
    }

    [Fact]
    public async Task A_renewed_certificate_is_taken_once_its_key_is_there_and_without_a_restart()
    {
        using var files = new SecretFiles(Certificates.Files("stranger"));
        var certificates = new TestCertificates(files.Folder);
        await using var kafka = await ApacheKafka.StartAsync(certificates);
        await using var gateway = await GatewayServer.StartAsync(ListedFunction.Wanting(Topic, "receiver"));
        await MakeTopicAsync(kafka);
        await using var connector = await BeginAsync(Options(
            kafka.TlsServers, gateway, "tls", "true", "ca_file", certificates.Authority, "cert_file", files.Path("cert"), "key_file", files.Path("key")));
        await connector.SaysAsync("SSL handshake failed");

        // Two secrets change at two moments.
        files.Replace("cert", await File.ReadAllTextAsync(certificates.Certificate("client")));
        await connector.SaysAsync("no client is made of them");
        Assert.DoesNotContain(connector.Lines, line => IsAnew(line));
        files.Replace("key", await File.ReadAllTextAsync(certificates.Key("client")));

        await connector.IsReadyAsync();
        Assert.Single(connector.Lines, line => IsAnew(line));
        await ProduceAsync(kafka);
        await gateway.ReceivesAsync(1);

        static bool IsAnew(string line) => line.Contains("connecting anew", StringComparison.Ordinal);
    }

    private static KafkaOptions Options(string hosts, GatewayServer gateway, params string[] more) => Scene.Read(OldBroker.Environment(hosts, Topic, gateway, more));

    private static Task<RunningConnector> BeginAsync(KafkaOptions options) => RunningConnector.StartAsync(builder => Scene.Register(builder, options), options.Service.GracePeriod);

    private static async Task<RunningConnector> RunAsync(KafkaOptions options)
    {
        var connector = await BeginAsync(options);
        await connector.IsReadyAsync();
        return connector;
    }

    private static Task MakeTopicAsync(ApacheKafka kafka) =>
        Eventually.HoldsAsync(() => Clients.Partitions(kafka.BootstrapServers, Topic, OldBroker.Properties) == 1, "the topic is made");

    private static async Task ProduceAsync(ApacheKafka kafka)
    {
        using var producer = Clients.Producer(kafka.BootstrapServers, OldBroker.Properties);
        await producer.ProduceAsync(Topic, new Message<string?, byte[]?> { Value = "x"u8.ToArray() });
    }

    private static long Committed(ApacheKafka kafka, string group) => Clients.Committed(kafka.BootstrapServers, group, Topic, 1, OldBroker.Properties)[0];
}
