using System.Text.Json;
using System.Text.RegularExpressions;
using Connectors.Testing;

namespace Connectors.Page.Tests;

/// <summary>What connectors tell of themselves.</summary>
[Collection(PageSystem.SharedQueue)]
public sealed partial class ConnectorViewTests(PageSystem site) : SharedQueueTests(site)
{
    // What a connector does not tell would stand there as nothing for ever.
    [Fact]
    public void Every_metric_that_the_page_shows_is_one_that_a_connector_has()
    {
        var shown = MetricNames().Matches(File.ReadAllText(Path.Combine(Tools.RepositoryRoot, "gateway/Gateway/Page/assets/connectors.js"))).Select(match => match.Value)
            .Where(name => name != "connector_report_left_out_samples").ToHashSet();
        var told = MetricNames().Matches(File.ReadAllText(Path.Combine(Tools.RepositoryRoot, "docs/metrics.md"))).Select(match => match.Value).ToHashSet();

        Assert.Subset(told, shown);
    }

    [Fact]
    public async Task A_schedules_next_due_time_is_told_by_its_connector()
    {
        await Eventually.HoldsAsync(
            async () => (await Site.ApiAsync(HttpMethod.Get, "/system/connectors"))!.AsArray().Any(one => ((string)one!["metrics"]!).Contains("cron_connector_next_due_timestamp_seconds{function_name=\"hourly.openfaas-fn\"", StringComparison.Ordinal)),
            "the cron connector has reported its schedule");
        var page = await OpenAsync("/ui/connectors");

        var row = page.Locator("[data-connector=cron-connector] tbody tr", new() { HasText = "hourly.openfaas-fn" });
        await row.GetByText(new Regex(@"^\d{4}-\d\d-\d\d \d\d:00:00$")).First.WaitForAsync();
        var due = await row.Locator("td").Nth(1).TextContentAsync();
        await page.GotoAsync(new Uri(Site.Url, "/ui/functions?name=hourly.openfaas-fn").AbsoluteUri);

        await page.GetByText(new Regex(@"^\d{4}-\d\d-\d\d \d\d:00:00 UTC$")).WaitForAsync();
        Assert.Matches(@"^\d{4}-\d\d-\d\d \d\d:00:00$", due);
        Assert.DoesNotContain((await Site.ApiAsync(HttpMethod.Get, "/system/overview/acts"))!.AsArray(), act => (string)act!["path"]! == "/system/connectors");
    }

    [Fact]
    public async Task How_long_ago_a_connector_was_heard_of_goes_by_the_clock_of_the_gateway()
    {
        var page = await OpenAsync();
        await page.RouteAsync("**/system/connectors", route => route.FulfillAsync(new()
        {
            Headers = new Dictionary<string, string> { ["Content-Type"] = "application/json", ["Date"] = "Fri, 03 Jan 2020 12:00:00 GMT" },
            Body = """[{"connector":"cron-connector","instance":"one","at":"2020-01-03T11:00:00Z","metrics":""}]""",
        }));

        await page.GotoAsync(new Uri(Site.Url, "/ui/connectors").AbsoluteUri);

        await page.GetByText("heard of 1 h 0 min ago").WaitForAsync();
    }

    [Fact]
    public async Task What_sqs_says_of_a_queue_is_shown()
    {
        await using var sqs = await SqsServer.StartAsync();
        await AskAsync("CreateQueue", new { QueueName = "parcels" });
        for (var i = 0; i < 3; i++)
        {
            await AskAsync("SendMessage", new { QueueUrl = sqs.QueueUrl("parcels"), MessageBody = $"{i}", DelaySeconds = i == 0 ? 900 : 0 });
        }

        await using var connector = await Site.StartConnectorAsync(
            "SqsConnector", Site.Url, ("queue_url", sqs.QueueUrl("parcels")), ("depth_interval", "1s"), ("AWS_DEFAULT_REGION", SqsServer.Region), ("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local"));
        var page = await OpenAsync("/ui/connectors?filter=parcels");

        var row = page.Locator("[data-connector=sqs-connector] tbody tr", new() { HasText = "parcels" });
        await Eventually.HoldsAsync(async () => await row.CountAsync() == 1 && (await row.Locator("td").AllTextContentsAsync()).Skip(1).Take(3).SequenceEqual(["2", "0", "1"]), "waiting, in flight and delayed are shown");

        async Task AskAsync(string operation, object body)
        {
            using var http = new HttpClient(new SocketsHttpHandler());
            using var request = new HttpRequestMessage(HttpMethod.Post, sqs.Url) { Content = new StringContent(JsonSerializer.Serialize(body), new System.Net.Http.Headers.MediaTypeHeaderValue("application/x-amz-json-1.0")) };
            request.Headers.Add("X-Amz-Target", $"AmazonSQS.{operation}");
            using var answer = await http.SendAsync(request);
            answer.EnsureSuccessStatusCode();
        }
    }

    [GeneratedRegex(@"\b(?:[a-z]+_)?connector_[a-z_]+\b")]
    private static partial Regex MetricNames();
}
