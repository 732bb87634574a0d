using System.Globalization;
using System.Text;
using Connectors.Testing;
using RabbitMQ.Client;

[assembly: AssemblyFixture(typeof(Connectors.RabbitMq.Tests.SharedBroker))]

namespace Connectors.RabbitMq.Tests;

/// <summary>A real RabbitMQ that the tests share, each with queues of its own, and a client for their part.</summary>
public sealed class SharedBroker : IAsyncLifetime
{
    private static int _queues;

    private readonly string _folder = Directory.CreateTempSubdirectory("rabbitmq-tls-").FullName;
    private readonly int _tlsPort = FreePort.Next();

    public RabbitMqServer Server { get; private set; } = null!; // set before the first test

    public TestCertificates Certificates { get; private set; } = null!; // set before the first test

    public BrokerClient Client { get; private set; } = null!; // set before the first test

    /// <summary>Its address for TLS.</summary>
    public string TlsUrl => $"amqps://127.0.0.1:{_tlsPort.ToString(CultureInfo.InvariantCulture)}";

    public async ValueTask InitializeAsync()
    {
        Certificates = new TestCertificates(_folder);
        Server = await RabbitMqServer.StartAsync(
            $"listeners.ssl.1 = 127.0.0.1:{_tlsPort.ToString(CultureInfo.InvariantCulture)}",
            $"ssl_options.cacertfile = {Certificates.Authority}",
            $"ssl_options.certfile = {Certificates.Certificate("chained-server")}",
            $"ssl_options.keyfile = {Certificates.Key("chained-server")}",
            "ssl_options.verify = verify_peer",
            "ssl_options.fail_if_no_peer_cert = true");
        Client = await BrokerClient.ConnectAsync(Server);
    }

    /// <summary>A name that no other test uses.</summary>
    public static string Name(string name) => $"{name}-{Interlocked.Increment(ref _queues)}";

    /// <summary>Makes a queue that no other test knows; returns its name.</summary>
    public async Task<string> CreateAsync(string name, params (string Name, object? Value)[] arguments)
    {
        var queue = Name(name);
        await Client.DeclareAsync(queue, arguments);
        return queue;
    }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        await Server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}

/// <summary>What tests ask of a broker: one request at a time, each write confirmed.</summary>
public sealed class BrokerClient : IAsyncDisposable
{
    private readonly IConnection _connection;
    private readonly SemaphoreSlim _one = new(1);
    private IChannel? _channel;

    private BrokerClient(IConnection connection) => _connection = connection;

    public static async Task<BrokerClient> ConnectAsync(RabbitMqServer server) =>
        new(await new ConnectionFactory { HostName = "127.0.0.1", Port = server.Port, AutomaticRecoveryEnabled = false }.CreateConnectionAsync());

    public Task DeclareAsync(string queue, params (string Name, object? Value)[] arguments) => AskAsync(channel =>
        channel.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: false, arguments.ToDictionary(a => a.Name, a => a.Value)));

    /// <summary>Declares a queue, and binds it to an exchange that everything published to goes on from.</summary>
    public async Task DeclareBoundAsync(string queue, string exchange, params (string Name, object? Value)[] arguments)
    {
        await DeclareAsync(queue, arguments);
        await AskAsync(async channel =>
        {
            await channel.ExchangeDeclareAsync(exchange, ExchangeType.Fanout, durable: true);
            await channel.QueueBindAsync(queue, exchange, "");
            return true;
        });
    }

    /// <summary>Publishes a message to an exchange; throws if no queue gets it.</summary>
    public Task PublishAsync(string exchange, string body) => AskAsync(async channel =>
    {
        await channel.BasicPublishAsync(exchange, "", mandatory: true, Encoding.UTF8.GetBytes(body));
        return true;
    });

    /// <summary>Writes a message to a queue by the default exchange, persistent unless told otherwise; returns once the broker has it.</summary>
    public Task SendAsync(string queue, byte[] body, BasicProperties? properties = null) => AskAsync(async channel =>
    {
        properties ??= new BasicProperties();
        properties.DeliveryMode = properties.IsDeliveryModePresent() ? properties.DeliveryMode : DeliveryModes.Persistent;
        await channel.BasicPublishAsync("", queue, mandatory: true, properties, body);
        return true;
    });

    public Task SendAsync(string queue, string body, BasicProperties? properties = null) => SendAsync(queue, Encoding.UTF8.GetBytes(body), properties);

    /// <summary>Messages that wait in a queue, and its consumers; null without such a queue.</summary>
    public Task<(uint Messages, uint Consumers)?> CountAsync(string queue) => AskAsync<(uint, uint)?>(async channel =>
    {
        try
        {
            var counted = await channel.QueueDeclarePassiveAsync(queue);
            return (counted.MessageCount, counted.ConsumerCount);
        }
        catch (RabbitMQ.Client.Exceptions.OperationInterruptedException)
        {
            return null;
        }
    });

    /// <summary>Takes the next message out of a queue.</summary>
    public Task<BasicGetResult?> TakeAsync(string queue) => AskAsync(channel => channel.BasicGetAsync(queue, autoAck: true));

    public Task DeleteAsync(string queue) => AskAsync(channel => channel.QueueDeleteAsync(queue));

    /// <summary>Waits until nothing is left in a queue once nobody consumes it.</summary>
    public Task IsEmptyAsync(string queue) => HoldsAsync(queue, 0);

    public Task HoldsAsync(string queue, uint messages) =>
        Eventually.HoldsAsync(async () => (await CountAsync(queue))?.Messages == messages, $"{queue} has {messages} messages");

    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync();
        _one.Dispose();
    }

    private async Task<T> AskAsync<T>(Func<IChannel, Task<T>> ask)
    {
        await _one.WaitAsync();
        try
        {
            if (_channel is not { IsOpen: true })
            {
                _channel = await _connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true));
            }

            return await ask(_channel);
        }
        finally
        {
            _one.Release();
        }
    }
}
