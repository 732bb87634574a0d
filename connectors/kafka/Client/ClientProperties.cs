using System.Globalization;

namespace Connectors.Kafka.Client;

/// <summary>Our options as librdkafka's properties. Pure.</summary>
internal static class ClientProperties
{
    // What runs may take this share of the poll interval to finish when its partition is taken away; the rest is for committing.
    private const double DrainShare = 0.8;

    private const string PollIntervalName = "max.poll.interval.ms";
    private const string SessionTimeoutName = "session.timeout.ms";

    // librdkafka's default for max.poll.interval.ms, and its maximum: a day.
    private const long UsualPollInterval = 300_000;
    private const long MaxPollInterval = 86_400_000;

    // librdkafka's default for session.timeout.ms, and that of brokers for the group protocol of KIP-848.
    private const int UsualSessionTimeout = 45_000;

    /// <summary>Those that are numbers to us too, which an operator may set.</summary>
    public static IReadOnlyList<string> Numbers { get; } = [PollIntervalName, SessionTimeoutName];

    /// <summary>Whether a number means to us what it means to librdkafka, which reads <c>0x927c0</c>, <c>0700000</c> and <c>600000ms</c> as C does.</summary>
    public static bool IsNumber(string value) => value is not ['0', ..] && int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out _);

    /// <summary>The consumer's properties.</summary>
    public static Dictionary<string, string> Consumer(KafkaOptions options)
    {
        var properties = Client(options);
        properties["group.id"] = options.Subscription.Group;
        // Committed only by us, and never moved by the client: a stored offset that is out of range is an error to be told.
        properties["enable.auto.commit"] = "false";
        properties["enable.auto.offset.store"] = "false";
        properties["auto.offset.reset"] = "error";
        // What no consumer sees, the marker that ends a transaction above all, takes offsets too: only the end of the partition tells that it was passed.
        properties["enable.partition.eof"] = "true";
        properties["max.partition.fetch.bytes"] = Number(options.Subscription.MaxBytes);
        properties["fetch.max.bytes"] = Number(Math.Max(options.Subscription.MaxBytes, 52_428_800));
        properties["receive.message.max.bytes"] = Number(Math.Max(options.Subscription.MaxBytes, 52_428_800) + 100_000_000L);
        // What waits in the client is not paid for by partition_buffer; its own defaults (100,000 records, 64 MiB) are more than a function needs.
        // A pause throws it away, and while it is below the first a request stands at the broker (fetch.wait.max.ms) that a resumed partition waits for.
        properties["queued.min.messages"] = "100";
        properties["queued.max.messages.kbytes"] = "16384";
        // By default a partition of which enough waits in the client is left alone for a second, though it was resumed and nothing of it waits any more.
        properties["fetch.queue.backoff.ms"] = "10";
        // A topic made later is found within this time.
        properties["topic.metadata.refresh.interval.ms"] = "30000";
        properties[PollIntervalName] = Number(PollInterval(options.Connector.UpstreamTimeout));
        With(properties, options.Broker.Properties);
        // Beside what the operator leaves out: dead letters would go round for ever, and so would our own commits.
        var topics = options.Subscription.Topics;
        List<string?> left = [properties.GetValueOrDefault("topic.blacklist"), options.Failure.DeadLetterPattern(topics), .. TopicName.LeftOut(topics)];
        if (string.Join(',', left.OfType<string>()) is { Length: > 0 } all)
        {
            properties["topic.blacklist"] = all;
        }

        return properties;
    }

    /// <summary>The properties of the producer of dead letters.</summary>
    public static Dictionary<string, string> Producer(KafkaOptions options)
    {
        var properties = Client(options);
        properties["acks"] = "all";
        // An event that came may go, whatever it weighs with its headers; the broker has the last word.
        properties["message.max.bytes"] = "1000000000";
        properties["message.timeout.ms"] = "30000";
        properties["linger.ms"] = "0";
        // The broker's limit is for a whole batch: the refusal of one that holds many would say nothing of any of them.
        properties["batch.num.messages"] = "1";
        return With(properties, options.Broker.Properties);
    }

    /// <summary>How long running events may take to finish when their partition is taken away.</summary>
    public static TimeSpan DrainTime(IReadOnlyDictionary<string, string> consumer) =>
        TimeSpan.FromMilliseconds(int.Parse(consumer[PollIntervalName], CultureInfo.InvariantCulture) * DrainShare);

    /// <summary>How long a member of which nothing is heard stays in its group.</summary>
    public static TimeSpan SessionTimeout(IReadOnlyDictionary<string, string> consumer) => TimeSpan.FromMilliseconds(
        consumer.TryGetValue(SessionTimeoutName, out var timeout) ? int.Parse(timeout, CultureInfo.InvariantCulture) : UsualSessionTimeout);

    private static Dictionary<string, string> Client(KafkaOptions options)
    {
        var broker = options.Broker;
        var properties = new Dictionary<string, string>
        {
            ["bootstrap.servers"] = string.Join(',', broker.Hosts),
            ["client.id"] = options.Service.Name,
            ["security.protocol"] = (broker.Sasl, broker.Tls) switch
            {
                (true, true) => "sasl_ssl",
                (true, false) => "sasl_plaintext",
                (false, true) => "ssl",
                _ => "plaintext",
            },
        };
        AddUnlessEmpty(properties, "ssl.ca.location", broker.CaFile);
        AddUnlessEmpty(properties, "ssl.certificate.location", broker.CertFile);
        AddUnlessEmpty(properties, "ssl.key.location", broker.KeyFile);
        if (broker.Sasl)
        {
            properties["sasl.mechanism"] = broker.Mechanism switch
            {
                SaslMechanism.ScramSha256 => "SCRAM-SHA-256",
                SaslMechanism.ScramSha512 => "SCRAM-SHA-512",
                _ => "PLAIN",
            };
            properties["sasl.username"] = broker.Username?.Value ?? "";
            properties["sasl.password"] = broker.Password?.Value ?? "";
        }

        return properties;
    }

    // Long enough for a call that has just begun to end before its partition is let go.
    private static long PollInterval(TimeSpan upstreamTimeout) =>
        Math.Clamp((long)(upstreamTimeout.TotalMilliseconds / DrainShare) + 1, UsualPollInterval, MaxPollInterval);

    private static void AddUnlessEmpty(Dictionary<string, string> properties, string name, string value)
    {
        if (value.Length > 0)
        {
            properties[name] = value;
        }
    }

    private static Dictionary<string, string> With(Dictionary<string, string> properties, IReadOnlyDictionary<string, string> overlay)
    {
        foreach (var (name, value) in overlay)
        {
            properties[name] = value;
        }

        return properties;
    }

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
