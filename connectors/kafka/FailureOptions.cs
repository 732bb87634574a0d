using System.Globalization;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;

namespace Connectors.Kafka;

/// <summary>What happens to an event that a function does not take.</summary>
internal sealed record FailureOptions
{
    public required RetryPolicy Retry { get; init; }

    public required OnFailure OnFailure { get; init; }

    /// <summary>The dead-letter topic; <c>{topic}</c> in it stands for the event's own.</summary>
    public required string DeadLetterTopic { get; init; }

    public static FailureOptions Read(Settings settings) => new()
    {
        Retry = ReadRetry(settings),
        OnFailure = settings.Choice(
            "on_failure", OnFailure.Block, "What becomes of an event when its attempts are used up: block (try on, its order waits), dead_letter or skip"),
        DeadLetterTopic = settings.Text("dead_letter_topic", "{topic}.dead", "Topic for dead letters; {topic} in it stands for the event's own"),
    };

    public string DeadLetterTopicOf(string topic) => DeadLetterTopic.Replace("{topic}", topic, StringComparison.Ordinal);

    /// <summary>A dead letter that is consumed again from its own topic would go round for ever.</summary>
    public void CheckDeadLetterTopic(Settings settings, IReadOnlyList<string> topics)
    {
        var isTemplate = DeadLetterTopic.Contains("{topic}", StringComparison.Ordinal);
        if (!TopicName.IsValid(DeadLetterTopicOf("t")))
        {
            settings.Fault("dead_letter_topic", "a name of A-Z a-z 0-9 . _ -, in which {topic} stands for the event's own topic");
        }
        else if (DeadLetterTopic == "{topic}" || (!isTemplate && topics.Contains(DeadLetterTopic)))
        {
            settings.Fault("dead_letter_topic", "a topic that is not among topics: its events would go round for ever");
        }
    }

    private static RetryPolicy ReadRetry(Settings settings)
    {
        var policy = new RetryPolicy
        {
            Attempts = settings.Number("max_retry_attempts", 10, "How often an event is sent in all, the first time included, before on_failure applies", 1),
            MinWait = settings.Duration("initial_retry_wait", TimeSpan.FromSeconds(1), "Wait before an event is sent the second time"),
            MaxWait = settings.Duration("max_retry_wait", TimeSpan.FromSeconds(60), "Longest wait between two sends of an event"),
            Codes = ReadCodes(settings),
            BackOff = settings.Choice("backoff", BackOffKind.Equal, "How waits are spread: exponential (not), full (0 to 100 %) or equal (50 to 100 %)"),
        };

        if (policy.MaxWait < policy.MinWait)
        {
            settings.Fault("max_retry_wait", "no shorter than initial_retry_wait");
        }

        return policy;
    }

    private static HashSet<int> ReadCodes(Settings settings)
    {
        const string name = "retry_http_codes";
        var codes = new HashSet<int>();
        foreach (var text in settings.List(name, "408,429,500,502,503,504", "HTTP statuses after which an event is sent again; after others on_failure applies at once"))
        {
            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var code) || code is < 400 or > 599)
            {
                settings.Fault(name, "statuses from 400 to 599, separated by commas");
                break;
            }

            codes.Add(code);
        }

        return codes;
    }
}

/// <summary>The end of an event that no function took.</summary>
internal enum OnFailure
{
    Block,
    DeadLetter,
    Skip,
}
