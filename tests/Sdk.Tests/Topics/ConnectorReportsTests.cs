using System.Text.Json.Nodes;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Topics;
using Connectors.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Sdk.Tests.Topics;

public sealed class ConnectorReportsTests
{
    [Theory]
    [InlineData(202)]
    [InlineData(404)]
    [InlineData(500)]
    public async Task The_gateway_is_told_of_the_metrics_again_and_again_whatever_it_answers(int status)
    {
        Prometheus.Metrics.CreateGauge("reported_gauge", "One.", "name").WithLabels("a \"b\"").Set(7);
        Prometheus.Metrics.CreateHistogram("reported_seconds", "Another.", "name").WithLabels("x").Observe(1);
        await using var gateway = await HttpLedger.StartWithStatusesAsync(status);
        var secrets = Directory.CreateTempSubdirectory("secrets-");
        await File.WriteAllTextAsync(Path.Combine(secrets.FullName, "basic-auth-user"), "admin");
        await File.WriteAllTextAsync(Path.Combine(secrets.FullName, "basic-auth-password"), "s3cret");
        var time = new FakeTimeProvider();
        var settings = new Settings(new Dictionary<string, string>());
        using var reports = new ConnectorReports(
            new ConnectorOptions { GatewayUrl = gateway.Url, BasicAuth = true }, ServiceOptions.Read(settings, "some-connector"), new GatewayCredentials(secrets.FullName), time, NullLogger<ConnectorReports>.Instance);
        using var stop = new CancellationTokenSource();

        var running = reports.RunAsync(stop.Token);
        await gateway.ReceivesAsync(1);
        await Eventually.HoldsAsync(
            () =>
            {
                time.Advance(TimeSpan.FromMinutes(1));
                return gateway.Requests.Count > 1;
            },
            "it is told again");
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);

        var first = gateway.Requests.First();
        var report = JsonNode.Parse(first.Text)!;
        Assert.Equal(("POST", "/system/connectors", "Basic YWRtaW46czNjcmV0"), (first.Method, first.Path, first.Header("Authorization")));
        Assert.Equal("some-connector", (string?)report["connector"]);
        var lines = ((string)report["metrics"]!).Split('\n');
        Assert.Contains("reported_gauge{name=\"a \\\"b\\\"\"} 7", lines);
        Assert.Contains(lines, line => line.StartsWith("reported_seconds_count{name=\"x\"} ", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, line => line.StartsWith('#') || line.Contains("_bucket", StringComparison.Ordinal));
        secrets.Delete(recursive: true);
    }

    [Fact]
    public void Of_a_metric_with_very_many_samples_the_first_are_told_and_of_the_others_how_many_there_are()
    {
        var metrics = string.Concat(Enumerable.Range(0, 12_000).Select(i => $"many{{name=\"f{i}\"}} {i}\n")) + "few 7\n";

        var lines = ConnectorReports.Shorten(metrics).TrimEnd('\n').Split('\n');

        Assert.Equal(10_002, lines.Length);
        Assert.Equal(["many{name=\"f9999\"} 9999", "few 7", "connector_report_left_out_samples 2000"], lines[^3..]);
    }
}
