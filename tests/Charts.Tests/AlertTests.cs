using System.Text.RegularExpressions;
using Connectors.Testing;
using YamlDotNet.RepresentationModel;

namespace Connectors.Charts.Tests;

/// <summary>Alerts and dashboards, judged by promtool and by the metrics that our sources declare.</summary>
public sealed partial class AlertTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("alerts-");

    public static TheoryData<string> Charts => RenderingTests.Charts;

    /// <summary>Chart, alert, when to look, series and values with which it fires, and with which it does not.</summary>
    public static TheoryData<string, string, string, string[], string[]> Cases => new()
    {
        {
            "queue-worker", "QueueNotDraining", "10m",
            ["queue_worker_oldest_pending_seconds{queue_name=\"custom-request\"} 700+60x20", "queue_worker_pending_messages{queue_name=\"custom-request\",function_name=\"f.ns\"} 3+0x20"],
            ["queue_worker_oldest_pending_seconds{queue_name=\"custom-request\"} 700+60x20", "queue_worker_pending_messages{queue_name=\"custom-request\",function_name=\"f.ns\"} 0+0x20"]
        },
        // Whoever paused a queue knows that it does not drain.
        {
            "queue-worker", "QueueNotDraining", "20m",
            ["queue_worker_oldest_pending_seconds{queue_name=\"custom-request\"} 700+60x40", "queue_worker_pending_messages{queue_name=\"custom-request\",function_name=\"f.ns\"} 3+0x40", "queue_worker_paused{queue_name=\"custom-request\"} 1+0x10 0+0x30"],
            ["queue_worker_oldest_pending_seconds{queue_name=\"custom-request\"} 700+60x40", "queue_worker_pending_messages{queue_name=\"custom-request\",function_name=\"f.ns\"} 3+0x40", "queue_worker_paused{queue_name=\"custom-request\"} 1+0x40"]
        },
        { "queue-worker", "QueueDeadLetters", "20m", [$"{DeadLetters} 0+1x30"], [$"{DeadLetters} 5+0x30"] },
        { "queue-worker", "QueueWorkerAbsent", "10m", ["queue_worker_messages_processed_total{queue_name=\"other\"} 0+0x20"], ["queue_worker_messages_processed_total{queue_name=\"custom-request\"} 0+0x20"] },
        {
            "queue-worker", "QueueCallbacksFailing", "25m",
            ["queue_worker_callback_attempts_total{queue_name=\"custom-request\",outcome=\"unreachable\"} 0+60x40"], ["queue_worker_callback_attempts_total{queue_name=\"custom-request\",outcome=\"unreachable\"} 0+1x40"]
        },
        // A callback may have to wait for an hour until it is tried again.
        {
            "queue-worker", "QueueCallbacksWaiting", "10m",
            ["queue_worker_oldest_callback_seconds{queue_name=\"custom-request\"} 5500+60x20"], ["queue_worker_oldest_callback_seconds{queue_name=\"custom-request\"} 3000+60x20"]
        },
        {
            "queue-worker", "QueueSlotsStuck", "10m",
            ["queue_worker_overdue_seconds{queue_name=\"custom-request\",work=\"calls\"} 0+30x20"], ["queue_worker_overdue_seconds{queue_name=\"custom-request\",work=\"calls\"} 0+0x20"]
        },
        {
            "queue-worker", "QueueFunctionUnreachable", "15m",
            ["queue_worker_breaker_open{queue_name=\"custom-request\",function_name=\"f.ns\"} 1+0x20"], ["queue_worker_breaker_open{queue_name=\"custom-request\",function_name=\"f.ns\"} 1+0x9 _x20"]
        },
        { "queue-worker", "QueueHistoryDropped", "20m", [$"{HistoryDropped} 0+1x30"], [$"{HistoryDropped} 5+0x30"] },
        { "gateway", "GatewayRefusingCalls", "15m", ["gateway_async_requests_total{queue_name=\"q\",code=\"503\"} 0+10x30"], ["gateway_async_requests_total{queue_name=\"q\",code=\"503\"} 7+0x30"] },
        { "gateway", "QueueUntaken", "15m", ["gateway_queue_untaken_seconds{queue_name=\"slow-queue\"} 10+60x20"], ["gateway_queue_untaken_seconds{queue_name=\"slow-queue\"} 50+0x20"] },
        {
            "gateway", "QueuePaused", "10m",
            ["gateway_queue_paused_seconds{queue_name=\"q\",function_name=\"\"} 14000+60x20"], ["gateway_queue_paused_seconds{queue_name=\"q\",function_name=\"f.ns\"} 60+60x20"]
        },
        { "gateway", "GatewayWithoutProvider", "20m", ["gateway_functions_list_timestamp_seconds{instance=\"one\"} 0+60x30", "gateway_functions_list_timestamp_seconds{instance=\"two\"} 0+60x5 300+0x25"], ["gateway_functions_list_timestamp_seconds 0+60x30"] },
        // Three gateways that an update of three servers moved twice each.
        { "gateway", "GatewayReconnecting", "15m", ["gateway_nats_reconnect_total 0+1x30"], [.. new[] { "a", "b", "c" }.Select(one => $"gateway_nats_reconnect_total{{instance=\"{one}\"}} 0x5 2x30")] },
        { "gateway", "GatewayAbsent", "10m", ["up 1+0x20"], ["gateway_nats_reconnect_total 0+0x20"] },
        { "kafka-connector", "KafkaOffsetOutOfRange", "5m", [$"kafka_connector_offset_out_of_range{Partition} 1+0x20"], [$"kafka_connector_offset_out_of_range{Partition} 0+0x20"] },
        { "kafka-connector", "KafkaTopicRemade", "5m", [$"kafka_connector_topic_remade{Partition} 1+0x20"], [$"kafka_connector_topic_remade{Partition} 0+0x20"] },
        { "kafka-connector", "KafkaLagGrowing", "40m", [$"kafka_connector_lag{Partition} 2000+10x60"], [$"kafka_connector_lag{Partition} 2000-10x60"] },
        { "kafka-connector", "KafkaPartitionBlocked", "20m", [$"kafka_connector_oldest_event_age_seconds{Partition} 0+60x60"], [$"kafka_connector_oldest_event_age_seconds{Partition} 5+0x60"] },
        { "kafka-connector", "KafkaDeadLetters", "20m", ["kafka_connector_dead_letters_total{topic=\"t\"} 0+1x30"], ["kafka_connector_dead_letters_total{topic=\"t\"} 3+0x30"] },
        { "kafka-connector", "KafkaConnectorAbsent", "10m", ["up 1+0x20"], ["connector_topic_map_timestamp_seconds 0+0x20"] },
        { "kafka-connector", "ConnectorWithoutTopicMap", "30m", ["connector_topic_map_timestamp_seconds 0+0x40"], ["connector_topic_map_timestamp_seconds 0+60x40"] },
        { "sqs-connector", "SqsMessagesOld", "20m", ["sqs_connector_oldest_message_age_seconds{queue=\"q\"} 900+0x40"], ["sqs_connector_oldest_message_age_seconds{queue=\"q\"} 3+0x40"] },
        { "sqs-connector", "SqsQueueUnreadable", "10m", ["sqs_connector_queue_readable{queue=\"q\"} 0+0x20"], ["sqs_connector_queue_readable{queue=\"q\"} 1+0x20"] },
        { "sqs-connector", "SqsReceiptsExpire", "20m", ["sqs_connector_expired_receipts_total{queue=\"q\"} 0+1x30"], ["sqs_connector_expired_receipts_total{queue=\"q\"} 2+0x30"] },
        { "sqs-connector", "SqsConnectorAbsent", "10m", ["up 1+0x20"], ["connector_topic_map_timestamp_seconds 0+0x20"] },
        { "sqs-connector", "ConnectorWithoutTopicMap", "30m", ["connector_topic_map_timestamp_seconds 0+0x40"], ["connector_topic_map_timestamp_seconds 0+60x40"] },
        { "rabbitmq-connector", "RabbitMqMessagesOld", "20m", ["rabbitmq_connector_oldest_message_age_seconds{queue=\"q\"} 900+0x40"], ["rabbitmq_connector_oldest_message_age_seconds{queue=\"q\"} 3+0x40"] },
        { "rabbitmq-connector", "RabbitMqQueueGrows", "40m", ["rabbitmq_connector_queue_depth{queue=\"q\"} 2000+100x60"], ["rabbitmq_connector_queue_depth{queue=\"q\"} 2000-10x60"] },
        { "rabbitmq-connector", "RabbitMqQueueNotConsumed", "10m", ["rabbitmq_connector_queue_consumed{queue=\"q\"} 0+0x20"], ["rabbitmq_connector_queue_consumed{queue=\"q\"} 1+0x20"] },
        { "rabbitmq-connector", "RabbitMqDeadLetters", "10m", ["rabbitmq_connector_settled_total{queue=\"q\",end=\"dead_letter\"} 0x8 1x10"], ["rabbitmq_connector_settled_total{queue=\"q\",end=\"completed\"} 0+1x20"] },
        { "rabbitmq-connector", "RabbitMqConnectorAbsent", "10m", ["up 1+0x20"], ["connector_topic_map_timestamp_seconds 0+0x20"] },
        { "rabbitmq-connector", "ConnectorWithoutTopicMap", "30m", ["connector_topic_map_timestamp_seconds 0+0x40"], ["connector_topic_map_timestamp_seconds 0+60x40"] },
        { "cron-connector", "ScheduleMisfires", "20m", ["cron_connector_misfires_total{function_name=\"f.ns\",reason=\"missed\"} 0+1x30"], ["cron_connector_misfires_total{function_name=\"f.ns\",reason=\"missed\"} 3+0x30"] },
        { "cron-connector", "ScheduleFailing", "10m", ["cron_connector_firings_total{function_name=\"f.ns\",result=\"failed\"} 0x8 1x10"], ["cron_connector_firings_total{function_name=\"f.ns\",result=\"succeeded\"} 0+1x20"] },
        { "cron-connector", "ScheduleUnreadable", "5m", ["cron_connector_bad_schedule{function_name=\"f.ns\",reason=\"schedule\"} 1+0x20"], ["cron_connector_bad_schedule{function_name=\"f.ns\",reason=\"schedule\"} 0+0x20"] },
        { "cron-connector", "ScheduleClockWrong", "5m", ["cron_connector_cursors_ahead 3+0x20"], ["cron_connector_cursors_ahead 0+0x20"] },
        { "cron-connector", "ScheduleClockWrong", "12m", ["cron_connector_cursors_taken_back_total{function_name=\"f.ns\"} 0x8 1x10"], ["cron_connector_cursors_ahead 0+0x20"] },
        { "cron-connector", "ScheduleCursorsFailing", "20m", ["cron_connector_cursor_failures_total 0+60x30"], ["cron_connector_cursor_failures_total 0+0x16 9+0x20"] },
        { "cron-connector", "CronConnectorAbsent", "10m", ["up 1+0x20"], ["connector_topic_map_timestamp_seconds 0+0x20"] },
        { "cron-connector", "ConnectorWithoutTopicMap", "30m", ["connector_topic_map_timestamp_seconds 0+0x40"], ["connector_topic_map_timestamp_seconds 0+60x40"] },
    };

    private const string DeadLetters = "queue_worker_dead_letters_total{queue_name=\"custom-request\",reason=\"exhausted\"}";

    private const string StartTime = "service_start_time_seconds";

    private const string HistoryDropped = "queue_worker_history_dropped_total{queue_name=\"custom-request\"}";

    private const string Partition = "{group=\"faas-group-1\",topic=\"t\",partition=\"0\"}";

    /// <summary>Chart, and each alert of something that is counted, with its count.</summary>
    public static TheoryData<string, string, string> Counts => new()
    {
        { "queue-worker", "QueueDeadLetters", DeadLetters },
        { "queue-worker", "QueueHistoryDropped", HistoryDropped },
        { "kafka-connector", "KafkaDeadLetters", "kafka_connector_dead_letters_total{topic=\"t\"}" },
        { "sqs-connector", "SqsReceiptsExpire", "sqs_connector_expired_receipts_total{queue=\"q\"}" },
        { "rabbitmq-connector", "RabbitMqDeadLetters", "rabbitmq_connector_settled_total{queue=\"q\",end=\"dead_letter\"}" },
        { "cron-connector", "ScheduleMisfires", "cron_connector_misfires_total{function_name=\"f.ns\",reason=\"missed\"}" },
        { "cron-connector", "ScheduleFailing", "cron_connector_firings_total{function_name=\"f.ns\",result=\"failed\"}" },
        { "cron-connector", "ScheduleClockWrong", "cron_connector_cursors_taken_back_total{function_name=\"f.ns\"}" },
    };

    // A scrape that failed, a Prometheus that was away for a while, and one that has just begun.
    [Theory, MemberData(nameof(Counts))]
    public async Task What_was_counted_long_ago_is_not_told_because_samples_were_missed(string chart, string alert, string count)
    {
        var rules = await RulesAsync(chart);
        foreach (var (samples, at) in new[] { ("Nx119 stale Nx120", "135m"), ("Nx119 _x20 Nx120", "145m"), ("_x10 Nx120", "11m"), ("_x10 Nx120", "26m") })
        {
            Assert.False(await FiresAsync(rules, chart, alert, [$"{count} {Of("5")}", $"{StartTime} {Of("-86400")}"], at), $"{samples}: {alert} fires at {at}");

            string Of(string value) => samples.Replace("N", value, StringComparison.Ordinal);
        }
    }

    [Theory, MemberData(nameof(Counts))]
    public async Task What_is_counted_first_is_told(string chart, string alert, string count)
    {
        var rules = await RulesAsync(chart);

        Assert.True(await FiresAsync(rules, chart, alert, [$"{count} 0x120 1x30", $"{StartTime} -86400x150"], "125m"), "the first of a pod that is old");
        Assert.True(await FiresAsync(rules, chart, alert, [$"{count} _x8 1x30", $"{StartTime} _x8 450x30"], "10m"), "the first of a new pod, before it was looked at");
        Assert.False(await FiresAsync(rules, chart, alert, [$"{count} _x8 1x30", $"{StartTime} _x8 450x30"], "23m"), "it is long ago");
    }

    [Theory, MemberData(nameof(Charts))]
    public async Task Promtool_accepts_every_rule(string chart)
    {
        var rules = await RulesAsync(chart);

        var (exitCode, output) = await Promtool.RunAsync("", "check", "rules", rules);

        Assert.True(exitCode == 0, output);
    }

    [Theory, MemberData(nameof(Cases))]
    public async Task An_alert_fires_when_it_should_and_only_then(string chart, string alert, string at, string[] firing, string[] silent)
    {
        var rules = await RulesAsync(chart);

        Assert.True(await FiresAsync(rules, chart, alert, firing, at), $"{alert} is silent");
        Assert.False(silent.Length > 0 && await FiresAsync(rules, chart, alert, silent, at), $"{alert} fires without a reason");
    }

    // The other goes on as it should. One that has just started has no map yet.
    [Theory]
    [InlineData("kafka-connector")]
    [InlineData("sqs-connector")]
    [InlineData("rabbitmq-connector")]
    [InlineData("cron-connector")]
    public async Task One_replica_that_cannot_list_functions_is_enough_for_an_alert(string chart)
    {
        const string Sound = "connector_topic_map_timestamp_seconds{instance=\"one\"} 0+60x40";
        const string Other = "connector_topic_map_timestamp_seconds{instance=\"two\"} ";
        var rules = await RulesAsync(chart);

        Assert.True(await FiresAsync(rules, chart, "ConnectorWithoutTopicMap", [Sound, $"{Other}0+60x10 600+0x30"], "30m"), "it stands still, and nobody is told");
        Assert.True(await FiresAsync(rules, chart, "ConnectorWithoutTopicMap", [Sound, $"{Other}0+0x40"], "30m"), "it never had one, and nobody is told");
        Assert.False(await FiresAsync(rules, chart, "ConnectorWithoutTopicMap", [Sound, $"{Other}_x26 0+0x10"], "29m"), "it has only just started");
    }

    [Theory]
    [InlineData("queue-worker", "keda.scalerAddress=gateway-scaler.openfaas:8090")]
    [InlineData("sqs-connector", "keda.threshold=5")]
    public async Task Nobody_is_told_that_a_release_is_away_which_may_sleep(string chart, string value)
    {
        var asleep = await File.ReadAllTextAsync(await RulesAsync(chart, "keda.enabled=true", "keda.minReplicas=0", value));
        var awake = await File.ReadAllTextAsync(await RulesAsync(chart, "keda.enabled=true", "keda.minReplicas=1", value));

        Assert.DoesNotContain("Absent", asleep, StringComparison.Ordinal);
        Assert.Contains("Absent", awake, StringComparison.Ordinal);
    }

    // Of two pods, each of which tells the depth of the whole queue and what it holds itself.
    [Theory]
    [InlineData(100, "queue_depth q one 0", "in_flight_messages q one 100")]
    [InlineData(190, "queue_depth q one 40", "queue_depth q two 40", "in_flight_messages q one 50", "in_flight_messages q two 100")]
    [InlineData(33, "queue_depth q one 1", "in_flight_messages q one 2", "queue_depth other one 10", "in_flight_messages other two 20")]
    [InlineData(30, "in_flight_messages q one 30")]
    [InlineData(7, "queue_depth q one 7")]
    [InlineData(5, "queue_depth q one 5", "queue_depth q foreign 100", "in_flight_messages q foreign 100")]
    public async Task KEDA_scales_the_RabbitMQ_connector_by_what_waits_and_by_what_it_holds(int messages, params string[] told)
    {
        var manifests = await Helm.TemplateAsync("rabbitmq-connector", "r", "keda.enabled=true", "keda.prometheusAddress=http://p:9090");
        var query = manifests.Single(m => m.Kind == "ScaledObject")["spec.triggers.0.metadata.query"]!;
        var series = told.Select(line => line.Split(' ')).Select(words => (words, Pod: words[2] switch { "one" => "r-rabbitmq-connector-5d4f8c9b7d-x2x4z", "two" => "r-rabbitmq-connector-5d4f8c9b7d-b7c8d", _ => "eu-rabbitmq-connector-5d4f8c9b7d-x2x4z" }))
            .Select(one => $"      - {{ series: 'rabbitmq_connector_{one.words[0]}{{queue=\"{one.words[1]}\",namespace=\"openfaas\",pod=\"{one.Pod}\",job=\"pods\"}}', values: '{one.words[3]}' }}");
        var test = Path.Combine(_directory.FullName, "test.yaml");
        await File.WriteAllTextAsync(test, $$"""
            tests:
              - interval: 1m
                input_series:
            {{string.Join('\n', series)}}
                promql_expr_test:
                  - expr: {{System.Text.Json.JsonSerializer.Serialize(query)}}
                    eval_time: 1m
                    exp_samples: [{ labels: '{}', value: {{messages}} }]
            """);

        var (exitCode, output) = await Promtool.RunAsync("", "test", "rules", test);

        Assert.True(exitCode == 0, output);
    }

    // A release whose name begins with another's.
    [Theory]
    [InlineData("queue-worker", "QueueWorkerAbsent", "queue_worker_messages_processed_total{queue_name=\"custom-request\"}")]
    [InlineData("gateway", "GatewayAbsent", "gateway_nats_reconnect_total")]
    [InlineData("kafka-connector", "KafkaConnectorAbsent", "connector_topic_map_timestamp_seconds")]
    [InlineData("sqs-connector", "SqsConnectorAbsent", "connector_topic_map_timestamp_seconds")]
    [InlineData("rabbitmq-connector", "RabbitMqConnectorAbsent", "connector_topic_map_timestamp_seconds")]
    [InlineData("cron-connector", "CronConnectorAbsent", "connector_topic_map_timestamp_seconds")]
    public async Task The_life_of_another_release_does_not_hide_that_this_one_is_gone(string chart, string alert, string series) =>
        Assert.True(await FiresAsync(await RulesAsync(chart), $"{chart}-eu", alert, [$"{series} 0+0x20"], "10m"), $"{alert} is silent");

    // Kubernetes cuts what stands before a pod's last five letters at 58.
    [Theory]
    [InlineData(46)]
    [InlineData(47)]
    [InlineData(58)]
    [InlineData(63)]
    public async Task A_pod_with_a_long_name_belongs_to_its_release(int length)
    {
        var name = new string('x', length);
        var rules = await RulesAsync("kafka-connector", $"fullnameOverride={name}");
        var pod = $"{name}-5d4f8c9b7d-"[..Math.Min(58, length + 12)] + "x2x4z";

        Assert.False(await FiresAsync(rules, "kafka-connector", "KafkaConnectorAbsent", ["connector_topic_map_timestamp_seconds 0+0x20"], "10m", pod), $"{pod} is not seen");
    }

    [Theory, MemberData(nameof(Charts))]
    public async Task Every_alert_is_tried_here_and_has_a_row_in_the_runbook(string chart)
    {
        var alerts = AlertName().Matches(await File.ReadAllTextAsync(Path.Combine(Helm.ChartDirectory(chart), "files", "alerts.yaml"))).Select(m => m.Groups[1].Value).ToHashSet();
        var runbook = await File.ReadAllTextAsync(Path.Combine(Tools.RepositoryRoot, "docs", "production.md"));

        Assert.NotEmpty(alerts);
        Assert.Empty(alerts.Except(Cases.Select(row => row.Data).Where(row => row.Item1 == chart).Select(row => row.Item2)));
        Assert.All(alerts, alert => Assert.Contains($"| {alert} |", runbook, StringComparison.Ordinal));
    }

    [Theory, MemberData(nameof(Charts))]
    public async Task Queries_name_only_metrics_that_a_service_has(string chart)
    {
        var declared = Declared();
        var rules = await File.ReadAllTextAsync(await RulesAsync(chart));
        var dashboard = await File.ReadAllTextAsync(Path.Combine(Helm.ChartDirectory(chart), "files", "dashboard.json"));
        var used = MetricName().Matches(rules + dashboard).Select(m => m.Value).ToHashSet();

        Assert.NotEmpty(used);
        Assert.DoesNotContain(used, name => !declared.Contains(name) && !declared.Contains(HistogramPart().Replace(name, "")));
    }

    public void Dispose() => _directory.Delete(recursive: true);

    private static HashSet<string> Declared() =>
        [.. new[] { "gateway", "queue-worker", "connectors", "connector-sdk" }
            .SelectMany(folder => Directory.GetFiles(Path.Combine(Tools.RepositoryRoot, folder), "*.cs", SearchOption.AllDirectories))
            .SelectMany(file => MetricName().Matches(File.ReadAllText(file)).Select(m => m.Value))];

    private async Task<string> RulesAsync(string chart, params string[] values)
    {
        var manifests = await Helm.TemplateAsync(chart, "r", ["prometheusRule.enabled=true", .. values]);
        var spec = (YamlMappingNode)manifests.Single(m => m.Kind == "PrometheusRule").At("spec")!;
        var file = Path.Combine(_directory.FullName, "rules.yaml");
        await using var writer = new StreamWriter(file);
        new YamlStream(new YamlDocument(spec)).Save(writer, assignAnchors: false);
        return file;
    }

    /// <summary>Whether the alert is among those that fire; promtool compares, so a test that expects none fails when it does.</summary>
    private async Task<bool> FiresAsync(string rules, string chart, string alert, string[] series, string at, string? pod = null)
    {
        var test = Path.Combine(_directory.FullName, "test.yaml");
        var input = series.Select(line => $"      - {{ series: '{OfThePod(line[..line.IndexOf(' ', StringComparison.Ordinal)], pod ?? $"r-{chart}-5d4f8c9b7d-x2x4z")}', values: '{line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..]}' }}");
        await File.WriteAllTextAsync(test, $"""
            rule_files: [{rules}]
            evaluation_interval: 1m
            tests:
              - interval: 1m
                input_series:
            {string.Join('\n', input)}
                alert_rule_test:
                  - eval_time: {at}
                    alertname: {alert}
                    exp_alerts: []
            """);
        var (exitCode, output) = await Promtool.RunAsync("", "test", "rules", test);
        Assert.True(exitCode == 0 || output.Contains(alert, StringComparison.Ordinal), output);
        return exitCode != 0;

        static string OfThePod(string series, string pod)
        {
            var target = $"namespace=\"openfaas\",pod=\"{pod}\"";
            return series.EndsWith('}') ? $"{series[..^1]},{target}}}" : $"{series}{{{target}}}";
        }
    }

    [GeneratedRegex("alert: ([A-Za-z]+)")]
    private static partial Regex AlertName();

    [GeneratedRegex("\\b(?:gateway|queue_worker|service|connector|kafka_connector|sqs_connector|rabbitmq_connector|cron_connector)_[a-z_]+\\b")]
    private static partial Regex MetricName();

    [GeneratedRegex("_(?:bucket|sum|count)$")]
    private static partial Regex HistogramPart();
}
