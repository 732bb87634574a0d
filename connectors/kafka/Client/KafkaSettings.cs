using System.Globalization;
using Confluent.Kafka;
using Connectors.Sdk.Hosting;

namespace Connectors.Kafka.Client;

/// <summary>Our options as librdkafka's properties. Pure, but for <see cref="Check"/> and <see cref="Refusal"/>, which ask librdkafka itself.</summary>
internal static class KafkaSettings
{
    // What runs may take this share of the poll interval to finish when its partition is taken away; the rest is for committing.
    private const double DrainShare = 0.8;

    // librdkafka's default for max.poll.interval.ms, and its maximum: a day.
    private const long UsualPollInterval = 300_000;
    private const long MaxPollInterval = 86_400_000;

    // librdkafka's default for session.timeout.ms, and that of brokers for the group protocol of KIP-848.
    private const int UsualSessionTimeout = 45_000;

    private const string NoLibrary = "librdkafka of the package librdkafka.redist beside the program, for this kind of machine";

    // Which of our options a property comes from, for messages that name the property only.
    private static readonly (string Property, string Option)[] Origins =
    [
        ("ssl.ca.location", "ca_file"), ("ssl.certificate.location", "cert_file"), ("ssl.key.location", "key_file"), ("sasl", "sasl_mechanism"),
    ];

    private static readonly string[] MechanismNames = ["sasl.mechanisms", "sasl.mechanism"];

    // As librdkafka reads them.
    private static readonly string[] Truths = ["true", "t", "1"];

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
        properties["max.poll.interval.ms"] = Number(PollInterval(options.Connector.UpstreamTimeout));
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
        return With(properties, options.Broker.Properties);
    }

    /// <summary>How long running events may take to finish when their partition is taken away.</summary>
    public static TimeSpan DrainTime(IReadOnlyDictionary<string, string> consumer) =>
        TimeSpan.FromMilliseconds(int.Parse(consumer["max.poll.interval.ms"], CultureInfo.InvariantCulture) * DrainShare);

    /// <summary>How long a member of which nothing is heard stays in its group.</summary>
    public static TimeSpan SessionTimeout(IReadOnlyDictionary<string, string> consumer) => TimeSpan.FromMilliseconds(
        consumer.TryGetValue("session.timeout.ms", out var timeout) ? int.Parse(timeout, CultureInfo.InvariantCulture) : UsualSessionTimeout);

    /// <summary>Asks librdkafka whether it takes the properties, by building clients that connect to nobody.</summary>
    public static void Check(KafkaOptions options, Settings settings)
    {
        Check(options, settings, Consumer(options), BuildConsumer);
        if (settings.Errors.Count == 0)
        {
            CheckPatterns(options, settings);
        }

        // It refuses what a consumer passes over, and would do so at the first dead letter.
        if (options.Failure.WritesDeadLetters && settings.Errors.Count == 0)
        {
            Check(options, settings, Producer(options), BuildProducer);
        }

        CheckTokens(options.Broker, settings, Consumer(options)["security.protocol"]);
    }

    /// <summary>Why librdkafka makes no consumer of what the options, and the files that they name, are now; null if it does.</summary>
    public static string? Refusal(KafkaOptions options) => Refusal(Consumer(options), BuildConsumer);

    /// <summary>Whether this is how librdkafka says that it makes no client of its properties.</summary>
    public static bool IsRefusal(Exception fault) => fault is InvalidOperationException or ArgumentException or KafkaException;

    // Each by itself: of several the client does not say which it does not take. It would be tried for ever.
    private static void CheckPatterns(KafkaOptions options, Settings settings)
    {
        if (options.Subscription.Topics.Where(TopicName.IsPattern).ToList() is not { Count: > 0 } patterns)
        {
            return;
        }

        using var consumer = NewConsumer(ToNobody(Consumer(options)));
        foreach (var pattern in patterns)
        {
            try
            {
                consumer.Subscribe(TopicName.Subscription(pattern));
            }
            catch (KafkaException)
            {
                settings.Fault("topics", $"patterns that are regular expressions to librdkafka, which \"{pattern}\" is not");
            }
        }
    }

    // The client would wait for tokens without a word, connected to nobody.
    private static void CheckTokens(BrokerOptions broker, Settings settings, string protocol)
    {
        if (protocol.StartsWith("sasl", StringComparison.OrdinalIgnoreCase)
            && MechanismNames.FirstOrDefault(name => Is(name, "OAUTHBEARER")) is { } mechanism
            && !Is("sasl.oauthbearer.method", "oidc")
            && !Truths.Any(truth => Is("enable.sasl.oauthbearer.unsecure.jwt", truth)))
        {
            settings.Fault(
                BrokerOptions.Option(mechanism),
                $"beside OAUTHBEARER something that has tokens, {BrokerOptions.Option("sasl.oauthbearer.method")}=oidc, or another mechanism: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, GSSAPI");
        }

        bool Is(string property, string value) => broker.Properties.TryGetValue(property, out var given) && given.Equals(value, StringComparison.OrdinalIgnoreCase);
    }

    private static void Check(KafkaOptions options, Settings settings, Dictionary<string, string> properties, Action<Dictionary<string, string>> build)
    {
        if (Refusal(properties, build) is not { } refusal)
        {
            return;
        }

        if (refusal == NoLibrary)
        {
            settings.Fault("librdkafka", refusal);
            return;
        }

        // Each property on its own first, so that all faults are told at once; what is left is a contradiction between several.
        var faults = options.Broker.Properties.Where(p => Refusal(new() { ["group.id"] = "check", [p.Key] = p.Value }, build) is not null).Select(p => p.Key).ToList();
        foreach (var property in faults)
        {
            settings.Fault(
                BrokerOptions.Option(property),
                $"what librdkafka allows for {property}: {Refusal(new() { ["group.id"] = "check", [property] = options.Broker.Properties[property] }, build)}");
        }

        if (faults.Count == 0)
        {
            var origin = Origins.FirstOrDefault(o => refusal.Contains(o.Property, StringComparison.Ordinal)).Option;
            settings.Fault(origin ?? "broker_hosts", $"options that librdkafka takes together: {refusal}");
        }
    }

    private static string? Refusal(Dictionary<string, string> properties, Action<Dictionary<string, string>> build)
    {
        try
        {
            build(ToNobody(properties));
            return null;
        }
        catch (Exception fault) when (IsRefusal(fault))
        {
            return fault.Message;
        }
        catch (Exception fault) when (fault is DllNotFoundException or TypeInitializationException)
        {
            return NoLibrary;
        }
    }

    private static Dictionary<string, string> ToNobody(Dictionary<string, string> properties) =>
        With(properties, new Dictionary<string, string> { ["bootstrap.servers"] = "127.0.0.1:1", ["log_level"] = "0" });

    private static void BuildConsumer(Dictionary<string, string> properties) => NewConsumer(properties).Dispose();

    private static IConsumer<byte[], byte[]> NewConsumer(Dictionary<string, string> properties) =>
        new ConsumerBuilder<byte[], byte[]>(properties).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();

    private static void BuildProducer(Dictionary<string, string> properties) =>
        new ProducerBuilder<byte[], byte[]>(properties).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build().Dispose();

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
