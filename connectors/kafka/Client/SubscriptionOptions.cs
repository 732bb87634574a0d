using Connectors.Sdk.Hosting;

namespace Connectors.Kafka.Client;

/// <summary>What is consumed, and as whom.</summary>
internal sealed record SubscriptionOptions
{
    /// <summary>Topics by name, as <c>*</c> patterns, or as <c>^</c> regular expressions.</summary>
    public required IReadOnlyList<string> Topics { get; init; }

    /// <summary>What the client subscribes to: it refuses what is named twice.</summary>
    public IEnumerable<string> Subscribed => Topics.Select(TopicName.Subscription).Distinct();

    public required string Group { get; init; }

    /// <summary>The most bytes of one partition that one fetch brings.</summary>
    public required int MaxBytes { get; init; }

    public static SubscriptionOptions Read(Settings settings) => new()
    {
        Topics = ReadTopics(settings),
        Group = settings.Text("group", "faas-group-1", "Consumer group"),
        MaxBytes = settings.Number("max_bytes", 1_048_576, "The most bytes of one partition that one fetch brings; a longer record still comes", 1, 1_000_000_000),
    };

    private static IReadOnlyList<string> ReadTopics(Settings settings)
    {
        var topics = settings.List("topics", "faas-request", "Topics to consume, separated by commas: names, patterns with *, or regular expressions that begin with ^");
        if (topics.Count == 0)
        {
            settings.Fault("topics", "at least one topic");
        }

        foreach (var topic in topics.Where(t => !TopicName.IsPattern(t) && !TopicName.IsValid(t)).Take(1))
        {
            settings.Fault("topics", $"names of 1 to 249 of A-Z a-z 0-9 . _ -, which \"{topic}\" is not");
        }

        return topics;
    }
}
