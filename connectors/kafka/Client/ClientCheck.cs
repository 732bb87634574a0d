using Confluent.Kafka;
using Connectors.Sdk.Hosting;

namespace Connectors.Kafka.Client;

/// <summary>Whether librdkafka makes clients of the options: asked of itself, by building some that connect to nobody.</summary>
internal static class ClientCheck
{
    private const string NoLibrary = "librdkafka of the package librdkafka.redist beside the program, for this kind of machine";

    // Which of our options a property comes from, for messages that name the property only.
    private static readonly (string Property, string Option)[] Origins =
    [
        ("ssl.ca.location", "ca_file"), ("ssl.certificate.location", "cert_file"), ("ssl.key.location", "key_file"), ("sasl", "sasl_mechanism"),
    ];

    private static readonly string[] MechanismNames = ["sasl.mechanisms", "sasl.mechanism"];

    // As librdkafka reads them.
    private static readonly string[] Truths = ["true", "t", "1"];

    /// <summary>Tells the settings what it does not take, all at once as far as that goes.</summary>
    public static void Check(KafkaOptions options, Settings settings)
    {
        Check(options, settings, ClientProperties.Consumer(options), BuildConsumer);
        if (settings.Errors.Count == 0)
        {
            CheckNumbers(options.Broker, settings);
            CheckPatterns(options, settings);
        }

        // It refuses what a consumer passes over, and would do so at the first dead letter.
        if (options.Failure.WritesDeadLetters && settings.Errors.Count == 0)
        {
            Check(options, settings, ClientProperties.Producer(options), BuildProducer);
        }

        CheckTokens(options.Broker, settings, ClientProperties.Consumer(options)["security.protocol"]);
    }

    /// <summary>Why librdkafka makes no consumer of what the options, and the files that they name, are now; null if it does.</summary>
    public static string? Refusal(KafkaOptions options) => Refusal(ClientProperties.Consumer(options), BuildConsumer);

    /// <summary>Whether this is how librdkafka says that it makes no client of its properties.</summary>
    public static bool IsRefusal(Exception fault) => fault is InvalidOperationException or ArgumentException or KafkaException;

    // It takes more for a number than we do.
    private static void CheckNumbers(BrokerOptions broker, Settings settings)
    {
        foreach (var property in ClientProperties.Numbers)
        {
            if (broker.Properties.TryGetValue(property, out var value) && !ClientProperties.IsNumber(value))
            {
                settings.Fault(BrokerOptions.Option(property), "milliseconds, in digits alone of which the first is no 0");
            }
        }
    }

    // Each by itself: of several the client does not say which it does not take. It would be tried for ever.
    private static void CheckPatterns(KafkaOptions options, Settings settings)
    {
        if (options.Subscription.Topics.Where(TopicName.IsPattern).ToList() is not { Count: > 0 } patterns)
        {
            return;
        }

        using var consumer = NewConsumer(ToNobody(ClientProperties.Consumer(options)));
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
        new(properties) { ["bootstrap.servers"] = "127.0.0.1:1", ["log_level"] = "0" };

    private static void BuildConsumer(Dictionary<string, string> properties) => NewConsumer(properties).Dispose();

    private static IConsumer<byte[], byte[]> NewConsumer(Dictionary<string, string> properties) =>
        new ConsumerBuilder<byte[], byte[]>(properties).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();

    private static void BuildProducer(Dictionary<string, string> properties) =>
        new ProducerBuilder<byte[], byte[]>(properties).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build().Dispose();
}
