using Connectors.RabbitMq.Broker;
using Connectors.RabbitMq.Settling;
using Connectors.Sdk.Hosting;

namespace Connectors.RabbitMq;

/// <summary>What an operator may set: the names of OpenFaaS's rabbitmq-connector, and ours in the same style. docs/rabbitmq.md explains each.</summary>
internal sealed record RabbitMqOptions
{
    public required ServiceOptions Service { get; init; }

    public required ConnectorOptions Connector { get; init; }

    public required BrokerOptions Broker { get; init; }

    public required IReadOnlyList<QueueSpec> Queues { get; init; }

    /// <summary>Whether a queue that is not there may be made; waited for if not.</summary>
    public required bool DeclareQueues { get; init; }

    /// <summary>How many messages of one queue the broker sends ahead of their settlement.</summary>
    public required int Prefetch { get; init; }

    public required FailureOptions Failure { get; init; }

    /// <summary>
    /// For how long a queue is consumed though the gateway is away. No option: it has to be well below the broker's <c>consumer_timeout</c>, which is 30 minutes
    /// unless set.
    /// </summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>For how long a message is kept that does not come to its end, whatever the reason.</summary>
    public required TimeSpan LongestHold { get; init; }

    public static RabbitMqOptions Read(Settings settings)
    {
        var options = new RabbitMqOptions
        {
            Broker = BrokerOptions.Read(settings),
            Queues = QueueSpec.Read(settings),
            DeclareQueues = settings.Flag("declare_queues", true, "Make queues that are not there, but for one that was found and then deleted; without it they are waited for"),
            Prefetch = settings.Number("prefetch", 100, "How many messages of one queue may be here at once: running, waiting, backing off", 1, ushort.MaxValue),
            Failure = FailureOptions.Read(settings),
            LongestHold = settings.Duration(
                "max_hold",
                TimeSpan.FromMinutes(25),
                "How long a message is held that does not come to its end, runs and waits included; well below the broker's consumer_timeout",
                TimeSpan.FromSeconds(1)),
            Connector = ConnectorOptions.Read(settings, Defaults),
            Service = ServiceOptions.Read(settings, "rabbitmq-connector"),
        };
        options.Failure.CheckDeadLetterQueue(settings, options.Queues);
        if (!options.DeclareQueues && options.Queues.Any(queue => queue.Exclusive))
        {
            settings.Fault("declare_queues", "true with an exclusive queue, which is of use only to the connection that makes it");
        }

        return options;
    }

    private static ConnectorOptions Defaults => new()
    {
        GatewayUrl = new Uri("http://gateway.openfaas:8080"),
        UpstreamTimeout = TimeSpan.FromMinutes(2),
        RebuildInterval = TimeSpan.FromSeconds(30),
        ContentType = "text/plain",
        BasicAuth = true,
    };
}
