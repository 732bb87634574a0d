using Confluent.Kafka;
using Connectors.Kafka.Client;
using Connectors.Kafka.Ordering;
using Connectors.Kafka.Polling;
using Connectors.Kafka.Settling;
using Connectors.Sdk.Hosting;

namespace Connectors.Kafka.Tests;

/// <summary>Options as an operator writes them, and what librdkafka is told; every row is tried on a real client.</summary>
public class OptionTests
{
    [Theory]
    [InlineData("broker_hosts", "a:1, b:2", "bootstrap.servers", "a:1,b:2")]
    [InlineData("group", "g", "group.id", "g")]
    [InlineData("max_bytes", "2048", "max.partition.fetch.bytes", "2048")]
    [InlineData("max_bytes", "104857600", "fetch.max.bytes", "104857600")]
    [InlineData("tls", "false", "security.protocol", "plaintext")]
    [InlineData("tls", "true", "security.protocol", "ssl")]
    [InlineData("upstream_timeout", "2m", "max.poll.interval.ms", "300000")]
    [InlineData("upstream_timeout", "8m", "max.poll.interval.ms", "600001")]
    [InlineData("upstream_timeout", "24h", "max.poll.interval.ms", "86400000")]
    [InlineData("initial_offset", "newest", "auto.offset.reset", "error")]
    [InlineData("initial_offset", "newest", "enable.partition.eof", "true")]
    [InlineData("commit_interval", "1s", "enable.auto.commit", "false")]
    [InlineData("commit_interval", "1s", "enable.auto.offset.store", "false")]
    [InlineData("kafka_session_timeout_ms", "30000", "session.timeout.ms", "30000")]
    [InlineData("kafka_partition_assignment_strategy", "cooperative-sticky", "partition.assignment.strategy", "cooperative-sticky")]
    [InlineData("kafka_api_version_request", "false", "api.version.request", "false")]
    [InlineData("kafka_broker_version_fallback", "0.9.0.1", "broker.version.fallback", "0.9.0.1")]
    [InlineData("kafka_client_id", "me", "client.id", "me")]
    [InlineData("kafka_ssl_endpoint_identification_algorithm", "none", "ssl.endpoint.identification.algorithm", "none")]
    public void An_option_becomes_a_property_that_librdkafka_takes(string option, string value, string property, string expected)
    {
        var properties = ClientProperties.Consumer(Read(option, value));

        Assert.Equal(expected, properties[property]);
        Build(properties);
    }

    [Theory]
    [InlineData("plain", "PLAIN")]
    [InlineData("scram_sha256", "SCRAM-SHA-256")]
    [InlineData("scram_sha512", "SCRAM-SHA-512")]
    public void Sasl_is_used_when_both_files_are_named(string mechanism, string expected)
    {
        using var secrets = new SecretFiles(("user", "alice\n"), ("password", " s3cret "));

        var options = Read("username_file", secrets.Path("user"), "password_file", secrets.Path("password"), "sasl_mechanism", mechanism, "tls", "true");
        var properties = ClientProperties.Consumer(options);

        Assert.Equal("sasl_ssl", properties["security.protocol"]);
        Assert.Equal(expected, properties["sasl.mechanism"]);
        Assert.Equal("alice", properties["sasl.username"]);
        Assert.Equal("s3cret", properties["sasl.password"]);
        Assert.Equal("sasl_plaintext", ClientProperties.Consumer(options with { Broker = options.Broker with { Tls = false } })["security.protocol"]);
        Build(properties);
    }

    [Fact]
    public void Certificates_are_given_by_file()
    {
        using var secrets = new SecretFiles(Certificates.Files("broker"));

        var options = Read("tls", "true", "ca_file", secrets.Path("ca"), "cert_file", secrets.Path("cert"), "key_file", secrets.Path("key"));
        var properties = ClientProperties.Consumer(options);

        Assert.Equal(secrets.Path("ca"), properties["ssl.ca.location"]);
        Assert.Equal(secrets.Path("cert"), properties["ssl.certificate.location"]);
        Assert.Equal(secrets.Path("key"), properties["ssl.key.location"]);
        Build(properties);
    }

    [Fact]
    public void The_producer_of_dead_letters_is_told_the_same_of_the_brokers()
    {
        var properties = ClientProperties.Producer(Read("broker_hosts", "a:1", "kafka_client_id", "me"));

        Assert.Equal("a:1", properties["bootstrap.servers"]);
        Assert.Equal("all", properties["acks"]);
        Assert.Equal("me", properties["client.id"]);
        new ProducerBuilder<byte[], byte[]>(Quiet(properties)).Build().Dispose();
    }

    [Fact]
    public void The_flags_of_the_chart_are_read_like_their_options()
    {
        using var secrets = new SecretFiles([("user", "u"), ("password", "p"), .. Certificates.Files("broker")]);
        var settings = Settings.FromProcess(
        [
            "-tls", $"-username-file={secrets.Path("user")}", $"-password-file={secrets.Path("password")}", $"-ca-file={secrets.Path("ca")}",
            $"-cert-file={secrets.Path("cert")}", $"-key-file={secrets.Path("key")}", "-license-file=/var/secrets/license/license",
        ]);

        var options = KafkaOptions.Read(settings);

        Assert.Empty(settings.Errors);
        Assert.True(options.Broker.Tls);
        Assert.True(options.Broker.Sasl);
        Assert.Equal(secrets.Path("ca"), options.Broker.CaFile);
    }

    [Fact]
    public void Without_any_option_it_is_what_the_chart_has()
    {
        var options = Read();

        Assert.Equal(["faas-request"], options.Subscription.Topics);
        Assert.Equal(["kf-kafka:9092"], options.Broker.Hosts);
        Assert.Equal("faas-group-1", options.Subscription.Group);
        Assert.Equal(InitialOffset.Oldest, options.Session.InitialOffset);
        Assert.Equal(1_048_576, options.Subscription.MaxBytes);
        Assert.True(options.Session.LogSessions);
        Assert.Equal(new Uri("http://gateway.openfaas:8080"), options.Connector.GatewayUrl);
        Assert.Equal(TimeSpan.FromMinutes(2), options.Connector.UpstreamTimeout);
        Assert.Equal(TimeSpan.FromSeconds(30), options.Connector.RebuildInterval);
        Assert.Equal("text/plain", options.Connector.ContentType);
        Assert.False(options.Connector.Asynchronous);
        Assert.True(options.Connector.BasicAuth);
        Assert.True(options.Connector.PrintResponse);
        Assert.Equal(8081, options.Service.MetricsPort);
        Assert.Equal("/var/secrets", options.Service.SecretMountPath);
        Assert.Equal(Concurrency.Partition, options.Ordering.Concurrency);
        Assert.Equal(OnFailure.Block, options.Failure.OnFailure);
        Assert.Equal(50, options.Headers.Count);
        Assert.Equal(8192, options.Headers.Bytes);
    }

    [Theory]
    [InlineData("topics", ",", "at least one topic")]
    [InlineData("topics", "a b", "\"a b\" is not")]
    [InlineData("topics", "orders,^orders-(", "\"^orders-(\" is not")]
    [InlineData("topics", "^fine$,^orders-[0-9", "\"^orders-[0-9\" is not")]
    [InlineData("topics", "orders-(*", "\"orders-(*\" is not")]
    [InlineData("broker_hosts", ",", "at least one host:port")]
    [InlineData("initial_offset", "middle", "oldest or newest")]
    [InlineData("max_bytes", "0", "from 1 to 1000000000")]
    [InlineData("max_record_headers", "-1", "from 0 to 900")]
    [InlineData("max_record_header_bytes", "8k", "from 0 to 1000000")]
    [InlineData("concurrency", "some", "partition or key or none")]
    [InlineData("on_failure", "panic", "block or dead_letter or skip")]
    [InlineData("username_file", "/nowhere/user", "password_file: ")]
    [InlineData("ca_file", "/nowhere/ca", "a file that is there")]
    [InlineData("retry_http_codes", "200", "400 to 599")]
    [InlineData("kafka_max_poll_interval_ms", "soon", "Invalid value")]
    [InlineData("kafka_max_poll_interval_ms", "600000ms", "kafka_max_poll_interval_ms: \"600000ms\" is not valid; allowed: milliseconds")]
    [InlineData("kafka_max_poll_interval_ms", "0x927c0", "kafka_max_poll_interval_ms: \"0x927c0\" is not valid; allowed: milliseconds")]
    [InlineData("kafka_max_poll_interval_ms", "0700000", "kafka_max_poll_interval_ms: \"0700000\" is not valid; allowed: milliseconds")]
    [InlineData("kafka_session_timeout_ms", "30000ms", "kafka_session_timeout_ms: \"30000ms\" is not valid; allowed: milliseconds")]
    [InlineData("kafka_session_timeout_ms", "0x7530", "kafka_session_timeout_ms: \"0x7530\" is not valid; allowed: milliseconds")]
    [InlineData("kafka_no_such_thing", "1", "No such configuration property")]
    [InlineData("kafka_enable_auto_commit", "true", "committed once their events are done")]
    [InlineData("kafka_group_id", "g", "set group instead")]
    [InlineData("kafka_auto_offset_reset", "earliest", "set initial_offset instead")]
    [InlineData("kafka_acks", "1", "kafka_acks: ")]
    [InlineData("kafka_acks", "0", "once all replicas in sync have it")]
    [InlineData("kafka_request_required_acks", "1", "once all replicas in sync have it")]
    [InlineData("kafka_batch_num_messages", "100", "whether it is too large")]
    [InlineData("kafka_session_timeout_ms", "3600000", "max.poll.interval.ms")]
    public void A_fault_names_the_option_the_value_and_what_is_allowed(string option, string value, string expected)
    {
        var settings = new Settings(new Dictionary<string, string> { [option] = value });

        KafkaOptions.Read(settings);

        Assert.Contains(settings.Errors, error => error.Contains(expected, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("kafka_sasl_mechanisms", "sasl_ssl", "kafka_sasl_oauthbearer_method", "")]
    [InlineData("kafka_sasl_mechanism", "SASL_PLAINTEXT", "kafka_sasl_oauthbearer_method", "default")]
    [InlineData("kafka_sasl_mechanisms", "sasl_plaintext", "kafka_enable_sasl_oauthbearer_unsecure_jwt", "false")]
    public void A_mechanism_that_needs_tokens_is_refused_where_nobody_has_any(string mechanism, string protocol, string option, string value)
    {
        var settings = new Settings(new Dictionary<string, string> { [mechanism] = "OAUTHBEARER", ["kafka_security_protocol"] = protocol, [option] = value });

        KafkaOptions.Read(settings);

        Assert.StartsWith($"{mechanism}: \"OAUTHBEARER\" is not valid", Assert.Single(settings.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public void A_mechanism_that_needs_tokens_is_taken_with_somebody_who_has_them()
    {
        string[] mechanism = ["kafka_sasl_mechanisms", "OAUTHBEARER"];
        string[] provider =
        [
            "kafka_sasl_oauthbearer_method", "oidc", "kafka_sasl_oauthbearer_client_id", "id", "kafka_sasl_oauthbearer_client_secret", "hush",
            "kafka_sasl_oauthbearer_token_endpoint_url", "http://127.0.0.1:1/token",
        ];
        string[] unsecure = ["kafka_enable_sasl_oauthbearer_unsecure_jwt", "True", "kafka_sasl_oauthbearer_config", "principal=me"];

        Assert.NotNull(Read([.. mechanism, "kafka_security_protocol", "sasl_ssl", .. provider]));
        Assert.NotNull(Read([.. mechanism, "kafka_security_protocol", "sasl_plaintext", .. unsecure]));
        Assert.NotNull(Read([.. mechanism, "kafka_security_protocol", "plaintext"]));
    }

    // A consumer passes them over; the producer would refuse them at the first dead letter.
    [Theory]
    [InlineData("kafka_enable_gapless_guarantee")]
    [InlineData("kafka_delivery_report_only_error")]
    public void What_the_producer_of_dead_letters_refuses_is_told_at_start(string option)
    {
        var settings = new Settings(new Dictionary<string, string> { [option] = "true", ["on_failure"] = "dead_letter" });

        KafkaOptions.Read(settings);

        Assert.StartsWith($"{option}: ", Assert.Single(settings.Errors), StringComparison.Ordinal);
        Assert.Equal(OnFailure.Block, Read(option, "true").Failure.OnFailure);
    }

    [Theory]
    [InlineData("orders", "orders")]
    [InlineData("orders", "{topic}")]
    [InlineData("orders", "not a name")]
    public void Dead_letters_cannot_go_round(string topics, string deadLetterTopic)
    {
        var settings = new Settings(new Dictionary<string, string> { ["topics"] = topics, ["on_failure"] = "dead_letter", ["dead_letter_topic"] = deadLetterTopic });

        KafkaOptions.Read(settings);

        Assert.StartsWith("dead_letter_topic: ", Assert.Single(settings.Errors), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("orders-*,audit.dead", "{topic}.dead", "audit.dead would be")]
    [InlineData("orders,a.dead,^order.*,b.dead", "{topic}.dead", "a.dead, b.dead would be")]
    [InlineData("orders-*,dead-audit", "dead-{topic}", "dead-audit would be")]
    public void A_named_topic_that_looks_like_dead_letters_is_told_and_not_left_out(string topics, string deadLetterTopic, string expected)
    {
        var settings = new Settings(new Dictionary<string, string> { ["topics"] = topics, ["on_failure"] = "dead_letter", ["dead_letter_topic"] = deadLetterTopic });

        KafkaOptions.Read(settings);

        var error = Assert.Single(settings.Errors);
        Assert.StartsWith("dead_letter_topic: ", error, StringComparison.Ordinal);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("orders,audit.dead", "{topic}.dead", "dead_letter")]
    [InlineData("orders-*,audit.dead", "{topic}.dead-letters", "dead_letter")]
    [InlineData("orders-*,auditXdead", "{topic}.dead", "dead_letter")]
    [InlineData("orders-*,audit.dead", "{topic}.dead", "block")]
    [InlineData("*,__consumer_offsets", "{topic}.dead", "dead_letter")]
    public void A_named_topic_is_read_that_no_pattern_could_leave_out(string topics, string deadLetterTopic, string onFailure)
    {
        var options = Read("topics", topics, "on_failure", onFailure, "dead_letter_topic", deadLetterTopic);

        var left = ClientProperties.Consumer(options).GetValueOrDefault("topic.blacklist")?.Split(',') ?? [];
        Assert.DoesNotContain(options.Subscription.Topics, topic => !TopicName.IsPattern(topic) && left.Any(pattern => System.Text.RegularExpressions.Regex.IsMatch(topic, pattern)));
    }

    [Fact]
    public void What_an_operator_leaves_out_brings_no_dead_letters_back_in()
    {
        var properties = ClientProperties.Consumer(Read("topics", "orders-*", "on_failure", "dead_letter", "kafka_topic_blacklist", "^orders-old$"));

        Assert.Equal("^orders-old$,^.*\\.dead$,^__consumer_offsets$,^__transaction_state$", properties["topic.blacklist"]);
        Build(properties);
    }

    [Fact]
    public void All_faults_of_librdkafka_properties_are_told_at_once()
    {
        var settings = new Settings(new Dictionary<string, string> { ["kafka_a"] = "1", ["kafka_b"] = "2", ["kafka_client_id"] = "fine" });

        KafkaOptions.Read(settings);

        Assert.Equal(["kafka_a", "kafka_b"], settings.Errors.Select(e => e.Split(':')[0]));
    }

    [Theory]
    [InlineData("kafka_ssl_key_password")]
    [InlineData("kafka_sasl_oauthbearer_config")]
    [InlineData("kafka_sasl_oauthbearer_extensions")]
    [InlineData("kafka_sasl_oauthbearer_client_secret")]
    [InlineData("kafka_sasl_oauthbearer_assertion_private_key_pem")]
    [InlineData("kafka_sasl_oauthbearer_assertion_private_key_passphrase")]
    public void Secrets_among_the_properties_are_masked(string name)
    {
        var settings = new Settings(new Dictionary<string, string> { [name] = "hush" });

        KafkaOptions.Read(settings);

        Assert.True(settings.Declared.Single(s => s.Name == name).IsSecret);
    }

    private static KafkaOptions Read(params string[] pairs) => Scene.Read(pairs.Chunk(2).ToDictionary(pair => pair[0], pair => pair[1]));

    private static void Build(Dictionary<string, string> properties) => new ConsumerBuilder<byte[], byte[]>(Quiet(properties)).Build().Dispose();

    // Nobody is there; librdkafka need not say so.
    private static Dictionary<string, string> Quiet(Dictionary<string, string> properties) => new(properties) { ["log_level"] = "0" };
}
