using System.Text.RegularExpressions;
using Connectors.Testing;
using YamlDotNet.RepresentationModel;

namespace Connectors.Charts.Tests;

/// <summary>Alerts and dashboards, judged by promtool and by the metrics that our sources declare.</summary>
public sealed partial class AlertTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("alerts-");

    public static TheoryData<string> Charts => RenderingTests.Charts;

    /// <summary>Chart, alert, a series that fires it and how long that takes, a series that does not.</summary>
    public static TheoryData<string, string, string, string, string, string> Cases => new()
    {
        { "queue-worker", "QueueNotDraining", "queue_worker_oldest_pending_seconds{queue_name=\"custom-request\"}", "700+60x20", "1+0x20", "10m" },
        { "queue-worker", "QueueDeadLetters", "queue_worker_dead_letters_total{queue_name=\"custom-request\",reason=\"exhausted\"}", "0+1x20", "5+0x20", "10m" },
        { "queue-worker", "QueueWorkerAbsent", "queue_worker_messages_submitted_total{queue_name=\"other\"}", "1+0x20", "", "10m" },
        { "queue-worker", "QueueCallbacksFailing", "queue_worker_callback_attempts_total{queue_name=\"custom-request\",outcome=\"unreachable\"}", "0+60x40", "0+1x40", "25m" },
        { "gateway", "GatewayRefusingCalls", "gateway_async_requests_total{code=\"503\"}", "0+10x30", "7+0x30", "15m" },
        { "gateway", "QueueUntaken", "gateway_queue_untaken_seconds{queue_name=\"slow-queue\"}", "10+60x20", "50+0x20", "15m" },
        { "gateway", "GatewayReconnecting", "gateway_nats_reconnect_total", "0+1x30", "0+0x30", "15m" },
        { "kafka-connector", "KafkaOffsetOutOfRange", "kafka_connector_offset_out_of_range{group=\"faas-group-1\",topic=\"t\",partition=\"0\"}", "1+0x20", "0+0x20", "5m" },
        { "kafka-connector", "KafkaLagGrowing", "kafka_connector_lag{group=\"faas-group-1\",topic=\"t\",partition=\"0\"}", "2000+10x60", "2000-10x60", "40m" },
        { "sqs-connector", "SqsMessagesOld", "sqs_connector_oldest_message_age_seconds{queue=\"q\"}", "900+0x40", "3+0x40", "20m" },
        { "sqs-connector", "SqsQueueUnreadable", "sqs_connector_queue_readable{queue=\"q\"}", "0+0x20", "1+0x20", "10m" },
        { "cron-connector", "ScheduleMisfires", "cron_connector_misfires_total{function_name=\"f.ns\",reason=\"bad_schedule\"}", "0+1x20", "3+0x20", "10m" },
    };

    [Theory, MemberData(nameof(Charts))]
    public async Task Promtool_accepts_every_rule(string chart)
    {
        var rules = await RulesAsync(chart);

        var (exitCode, output) = await Promtool.RunAsync("", "check", "rules", rules);

        Assert.True(exitCode == 0, output);
    }

    [Theory, MemberData(nameof(Cases))]
    public async Task An_alert_fires_when_it_should_and_only_then(string chart, string alert, string series, string firing, string silent, string at)
    {
        var rules = await RulesAsync(chart);

        var fires = await FiresAsync(rules, alert, series, firing, at);
        var stays = silent.Length > 0 && await FiresAsync(rules, alert, series, silent, at);

        Assert.True(fires, $"{alert} is silent on {firing}");
        Assert.False(stays, $"{alert} fires on {silent}");
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

    private async Task<string> RulesAsync(string chart)
    {
        var manifests = await Helm.TemplateAsync(chart, "r", "prometheusRule.enabled=true");
        var spec = (YamlMappingNode)manifests.Single(m => m.Kind == "PrometheusRule").At("spec")!;
        var file = Path.Combine(_directory.FullName, "rules.yaml");
        await using var writer = new StreamWriter(file);
        new YamlStream(new YamlDocument(spec)).Save(writer, assignAnchors: false);
        return file;
    }

    /// <summary>Whether the alert is among those that fire; promtool compares, so a test that expects none fails when it does.</summary>
    private async Task<bool> FiresAsync(string rules, string alert, string series, string values, string at)
    {
        var test = Path.Combine(_directory.FullName, "test.yaml");
        await File.WriteAllTextAsync(test, $"""
            rule_files: [{rules}]
            evaluation_interval: 1m
            tests:
              - interval: 1m
                input_series:
                  - series: '{series}'
                    values: '{values}'
                alert_rule_test:
                  - eval_time: {at}
                    alertname: {alert}
                    exp_alerts: []
            """);
        var (exitCode, output) = await Promtool.RunAsync("", "test", "rules", test);
        Assert.True(exitCode == 0 || output.Contains(alert, StringComparison.Ordinal), output);
        return exitCode != 0;
    }

    [GeneratedRegex("\\b(?:gateway|queue_worker|connector|kafka_connector|sqs_connector|cron_connector)_[a-z_]+\\b")]
    private static partial Regex MetricName();

    [GeneratedRegex("_(?:bucket|sum|count)$")]
    private static partial Regex HistogramPart();
}
