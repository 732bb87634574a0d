using System.Text.RegularExpressions;
using Confluent.Kafka;

namespace Connectors.Kafka.Client;

/// <summary>Names of topics, and what stands for several: <c>orders-*</c>, or librdkafka's regular expressions, which begin with <c>^</c>.</summary>
internal static partial class TopicName
{
    private static readonly string[] KafkasOwn = ["__consumer_offsets", "__transaction_state"];

    public static bool IsPattern(string topic) => topic.StartsWith('^') || topic.Contains('*', StringComparison.Ordinal);

    /// <summary>Kafka's own rule for names.</summary>
    public static bool IsValid(string topic) => Name().IsMatch(topic) && topic is not "." and not "..";

    /// <summary>What the client subscribes to.</summary>
    public static string Subscription(string topic) => topic.StartsWith('^') || !IsPattern(topic) ? topic : $"^{Expression(topic, '*')}$";

    /// <summary>A regular expression for a name in which one character stands for anything. Only dots mean something in both languages.</summary>
    public static string Expression(string topic, char anything) =>
        topic.Replace(".", "\\.", StringComparison.Ordinal).Replace(anything.ToString(), ".*", StringComparison.Ordinal);

    /// <summary>
    /// Which of Kafka's own topics no pattern may bring in, as the client's expressions: each commit of ours would come back as an event. One that is named
    /// outright is read.
    /// </summary>
    public static IEnumerable<string> LeftOut(IReadOnlyList<string> topics) =>
        topics.Any(IsPattern) ? KafkasOwn.Except(topics).Select(name => $"^{name}$") : [];

    /// <summary>Partitions as a line of the log names them: <c>orders[0,1] audit[3]</c>.</summary>
    public static string Partitions(IEnumerable<TopicPartition> partitions) =>
        string.Join(' ', partitions.GroupBy(p => p.Topic).Select(t => $"{t.Key}[{string.Join(',', t.Select(p => p.Partition.Value))}]"));

    [GeneratedRegex("^[A-Za-z0-9._-]{1,249}$")]
    private static partial Regex Name();
}
