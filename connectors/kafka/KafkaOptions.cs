using Connectors.Kafka.Client;
using Connectors.Kafka.Ordering;
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

    /// <summary>Topics by name, as <c>*</c> patterns, or as <c>^</c> regular expressions.</summary>
    public required IReadOnlyList<string> Topics { get; init; }

    public required string Group { get; init; }

    public required InitialOffset InitialOffset { get; init; }

    /// <summary>The most bytes of one partition that one fetch brings.</summary>
    public required int MaxBytes { get; init; }

    public required bool LogSessions { get; init; }

    public required HeaderLimits Headers { get; init; }

    public required OrderingOptions Ordering { get; init; }

    public required TimeSpan CommitInterval { get; init; }

    public required FailureOptions Failure { get; init; }

    public static KafkaOptions Read(Settings settings)
    {
        var options = new KafkaOptions
        {
            Topics = settings.List("topics", "faas-request", "Topics to consume, separated by commas: names, patterns with *, or regular expressions that begin with ^"),
            Broker = BrokerOptions.Read(settings),
            Group = settings.Text("group", "faas-group-1", "Consumer group"),
            InitialOffset = settings.Choice("initial_offset", InitialOffset.Oldest, "Where a group without a committed offset begins: oldest or newest"),
            MaxBytes = settings.Number("max_bytes", 1_048_576, "The most bytes of one partition that one fetch brings; a longer record still comes", 1, 1_000_000_000),
            LogSessions = settings.Flag("log_sessions", true, "Log a line for each rebalance"),
            Headers = HeaderLimits.Read(settings),
            Ordering = OrderingOptions.Read(settings),
            CommitInterval = settings.Duration(
                "commit_interval", TimeSpan.FromSeconds(1), "Time between two commits of finished offsets", TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(5)),
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

    private void Check(Settings settings)
    {
        if (Topics.Count == 0)
        {
            settings.Fault("topics", "at least one topic");
        }

        foreach (var topic in Topics.Where(t => !TopicName.IsPattern(t) && !TopicName.IsValid(t)).Take(1))
        {
            settings.Fault("topics", $"names of 1 to 249 of A-Z a-z 0-9 . _ -, which \"{topic}\" is not");
        }

        if (Failure.OnFailure == OnFailure.DeadLetter)
        {
            Failure.CheckDeadLetterTopic(settings, Topics);
        }

        if (settings.Errors.Count == 0)
        {
            KafkaSettings.Check(this, settings);
        }
    }
}

/// <summary>Where a group begins that has committed nothing.</summary>
internal enum InitialOffset
{
    Oldest,
    Newest,
}
