using System.Text.RegularExpressions;
using Connectors.Kafka.Client;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;

namespace Connectors.Kafka.Settling;

/// <summary>What happens to an event that a function does not take.</summary>
internal sealed record FailureOptions
{
    private static readonly RetryPolicy RetryDefaults =
        RetryOptions.Defaults(10, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60), BackOffKind.Equal);

    public required RetryPolicy Retry { get; init; }

    public required OnFailure OnFailure { get; init; }

    /// <summary>The dead-letter topic; <c>{topic}</c> in it stands for the event's own.</summary>
    public required string DeadLetterTopic { get; init; }

    public static FailureOptions Read(Settings settings) => new()
    {
        Retry = RetryOptions.Read(settings, "an event", RetryDefaults),
        OnFailure = settings.Choice(
            "on_failure", OnFailure.Block, "What becomes of an event after its attempts, or after another status: block (try on, its order waits), dead_letter or skip"),
        DeadLetterTopic = settings.Text("dead_letter_topic", "{topic}.dead", "Topic for dead letters; {topic} in it stands for the event's own"),
    };

    public string DeadLetterTopicOf(string topic) => DeadLetterTopic.Replace("{topic}", topic, StringComparison.Ordinal);

    /// <summary>Whether there is a topic of dead letters to write to.</summary>
    public bool WritesDeadLetters => OnFailure == OnFailure.DeadLetter;

    /// <summary>What no pattern among the topics may bring back in, as the client's expression; null for nothing. A dead letter would go round for ever.</summary>
    public string? DeadLetterPattern(IReadOnlyList<string> topics) =>
        WritesDeadLetters && topics.Any(TopicName.IsPattern) ? $"^{TopicName.Expression(DeadLetterTopicOf("*"), '*')}$" : null;

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
        else if (DeadLetterPattern(topics) is { } dead && topics.Where(t => !TopicName.IsPattern(t) && Regex.IsMatch(t, dead)).ToList() is { Count: > 0 } named)
        {
            // The client leaves out what looks like a dead-letter topic, named or found by a pattern.
            settings.Fault(
                "dead_letter_topic",
                $"beside a pattern among topics, a name that none of those named outright looks like, such as {{topic}}.dead-letters: {string.Join(", ", named)} would be taken for dead letters and never read");
        }
    }
}

/// <summary>The end of an event that no function took.</summary>
internal enum OnFailure
{
    Block,
    DeadLetter,
    Skip,
}
