using Confluent.Kafka;
using Connectors.Sdk;
using Connectors.Sdk.Hosting;
using Connectors.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Connectors.Kafka.Tests;

/// <summary>A cluster, a gateway with one function that wants the topic, and what a test does with both.</summary>
internal sealed class Scene : IAsyncDisposable
{
    private static int _scenes;

    private readonly Lazy<IProducer<string?, byte[]?>> _producer;

    private readonly List<Task> _sent = [];

    private Scene(MockKafka kafka, GatewayServer gateway)
    {
        (Kafka, Gateway) = (kafka, gateway);
        _producer = new Lazy<IProducer<string?, byte[]?>>(() => Clients.Producer(kafka.BootstrapServers));
    }

    /// <summary>The topic, and the group that reads it; the scene's own, as connectors of one process share their metrics.</summary>
    public string Topic { get; } = $"orders{Interlocked.Increment(ref _scenes)}";

    public string Group => "readers-of-" + Topic;

    public MockKafka Kafka { get; }

    public GatewayServer Gateway { get; }

    public IProducer<string?, byte[]?> Producer => _producer.Value;

    /// <summary>Starts a cluster with the topic, and a gateway.</summary>
    public static async Task<Scene> StartAsync(int partitions = 1, int brokers = 1)
    {
        var kafka = MockKafka.Start(brokers);
        var scene = new Scene(kafka, await GatewayServer.StartAsync());
        scene.Gateway.Functions = [ListedFunction.Wanting(scene.Topic, "receiver")];
        kafka.CreateTopic(scene.Topic, partitions);
        return scene;
    }

    /// <summary>The options of a connector as an operator would set them: short times, nothing else.</summary>
    public Dictionary<string, string> Environment(params string[] more)
    {
        var environment = new Dictionary<string, string>
        {
            ["topics"] = Topic,
            ["broker_hosts"] = Kafka.BootstrapServers,
            ["group"] = Group,
            ["gateway_url"] = Gateway.Url.AbsoluteUri,
            ["rebuild_interval"] = "100ms",
            ["commit_interval"] = "50ms",
            ["initial_retry_wait"] = "10ms",
            ["max_retry_wait"] = "100ms",
            ["print_response"] = "false",
            ["kafka_session_timeout_ms"] = "4500",
            ["kafka_heartbeat_interval_ms"] = "200",
            ["kafka_topic_metadata_refresh_interval_ms"] = "500",
        };
        foreach (var pair in more.Chunk(2))
        {
            environment[pair[0]] = pair[1];
        }

        return environment;
    }

    /// <summary>The options, read as the executable reads them.</summary>
    public KafkaOptions Options(params string[] more) => Read(Environment(more));

    public static KafkaOptions Read(Dictionary<string, string> environment)
    {
        var settings = new Settings(environment);
        var options = KafkaOptions.Read(settings);
        Assert.Empty(settings.Errors);
        return options;
    }

    /// <summary>Starts the executable and waits until it has partitions.</summary>
    public Task<ServiceProcess> StartConnectorAsync(params string[] more) => ServiceProcess.StartAsync("KafkaConnector", Environment(more));

    /// <summary>Starts the connector in this process and waits until it has partitions.</summary>
    public async Task<RunningConnector> RunConnectorAsync(params string[] more)
    {
        var connector = await BeginConnectorAsync(more);
        await connector.IsReadyAsync();
        return connector;
    }

    /// <summary>Starts the connector in this process and does not wait.</summary>
    public Task<RunningConnector> BeginConnectorAsync(params string[] more)
    {
        var options = Options(more);
        return RunningConnector.StartAsync(builder => Register(builder, options), options.Service.GracePeriod);
    }

    /// <summary>Starts the connector in this process, on a machine with another clock, and waits until it has partitions.</summary>
    public async Task<RunningConnector> RunConnectorAsync(TimeProvider clock, params string[] more)
    {
        var options = Options(more);
        var connector = await RunningConnector.StartAsync(
            builder =>
            {
                Register(builder, options);
                builder.Services.AddSingleton(clock);
            },
            options.Service.GracePeriod);
        await connector.IsReadyAsync();
        return connector;
    }

    /// <summary>Makes a service the connector, as its Program does.</summary>
    public static void Register(WebApplicationBuilder builder, KafkaOptions options)
    {
        builder.AddKafka(options);
        builder.AddConnector<KafkaSource>(options.Connector);
    }

    public static async Task<string> ReadinessAsync(Uri metrics) => await (await Http.GetAsync(new Uri(metrics, "/readyz"))).Content.ReadAsStringAsync();

    public static async Task<string> ScrapeAsync(Uri metrics) => await Http.GetStringAsync(new Uri(metrics, "/metrics"));

    private static HttpClient Http { get; } = new(new SocketsHttpHandler());

    public async Task<DeliveryResult<string?, byte[]?>> ProduceAsync(string? key, string body, int? partition = null, string? topic = null, Headers? headers = null) =>
        await Producer.ProduceAsync(
            new TopicPartition(topic ?? Topic, partition ?? Partition.Any),
            new Message<string?, byte[]?> { Key = key, Value = System.Text.Encoding.UTF8.GetBytes(body), Headers = headers });

    /// <summary>Sends without waiting; <see cref="FlushAsync"/> waits for all.</summary>
    public void Send(string? key, string body, int? partition = null) => _sent.Add(ProduceAsync(key, body, partition));

    public async Task FlushAsync()
    {
        await Task.WhenAll(_sent);
        _sent.Clear();
    }

    /// <summary>What the group has committed of a topic's partitions; -1001 for nothing.</summary>
    public IReadOnlyList<long> Committed(int partitions, string? topic = null) => Clients.Committed(Kafka.BootstrapServers, Group, topic ?? Topic, partitions);

    /// <summary>Waits until everything is committed, up to so many records.</summary>
    public Task CommitsAllAsync(int partitions, long records, string? topic = null) => Eventually.HoldsAsync(
        () => Committed(partitions, topic).Sum(offset => Math.Max(0, offset)) == records,
        () => $"{records} records of {topic ?? Topic} are committed; {string.Join(", ", Committed(partitions, topic))} are");

    public async ValueTask DisposeAsync()
    {
        if (_producer.IsValueCreated)
        {
            _producer.Value.Dispose();
        }

        await Gateway.DisposeAsync();
        Kafka.Dispose();
    }
}
