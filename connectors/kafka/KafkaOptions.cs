using Connectors.Kafka.Client;
using Connectors.Kafka.Ordering;
using Connectors.Kafka.Polling;
using Connectors.Kafka.Records;
using Connectors.Kafka.Settling;
using Connectors.Sdk.Hosting;

namespace Connectors.Kafka;

/// <summary>What an operator may set: the names of OpenFaaS's kafka-connector, and ours in the same style. docs/kafka.md explains each.</summary>
internal sealed record KafkaOptions
{
    public required ServiceOptions Service { get; init; }

    public required ConnectorOptions Connector { get; init; }

    public required BrokerOptions Broker { get; init; }

    public required SubscriptionOptions Subscription { get; init; }

    public required SessionOptions Session { get; init; }

    public required HeaderLimits Headers { get; init; }

    public required OrderingOptions Ordering { get; init; }

    public required FailureOptions Failure { get; init; }

    public static KafkaOptions Read(Settings settings)
    {
        var options = new KafkaOptions
        {
            Subscription = SubscriptionOptions.Read(settings),
            Broker = BrokerOptions.Read(settings),
            Session = SessionOptions.Read(settings),
            Headers = HeaderLimits.Read(settings),
            Ordering = OrderingOptions.Read(settings),
            Failure = FailureOptions.Read(settings),
            Connector = ConnectorOptions.Read(settings, Defaults),
            Service = ServiceOptions.Read(settings, "kafka-connector"),
        };
        options.Check(settings);
        return options;
    }

    private static ConnectorOptions Defaults => new()
    {
        GatewayUrl = new Uri("http://gateway.openfaas:8080"),
        UpstreamTimeout = TimeSpan.FromMinutes(2),
        RebuildInterval = TimeSpan.FromSeconds(30),
        ContentType = "text/plain",
        BasicAuth = true,
        TopicPatterns = true,
    };

    // What concerns several rooms.
    private void Check(Settings settings)
    {
        if (Failure.WritesDeadLetters)
        {
            Failure.CheckDeadLetterTopic(settings, Subscription.Topics);
        }

        if (settings.Errors.Count == 0)
        {
            ClientCheck.Check(this, settings);
        }
    }
}
