using System.Text;
using System.Text.Json.Nodes;
using Connectors.Testing;
using Deque.AxeCore.Commons;
using Microsoft.Playwright;

namespace Connectors.Page.Tests;

/// <summary>Every view: by keyboard, to people who see or move otherwise, and as pictures.</summary>
[Collection(PageSystem.SharedQueue)]
public sealed class EveryViewTests(PageSystem site) : SharedQueueTests(site)
{
    private static readonly string AxeScript = new BundledAxeScriptProvider().GetScript();

    [Theory]
    [InlineData("light", 1280, "")]
    [InlineData("dark", 1280, "color-contrast")]
    [InlineData("light", 390, "target-size,scrollable-region-focusable,color-contrast")]
    public async Task Axe_finds_nothing(string theme, int width, string rules)
    {
        // One row says as much as a hundred, and is looked at in a hundredth of the time.
        await Site.ApiAsync(HttpMethod.Delete, "/system/queues/faas-request/dead?all=true");
        await Site.DeadAsync("""{"order": 4711}"""u8.ToArray());
        var letter = (await Site.ApiAsync(HttpMethod.Get, "/system/queues/faas-request/dead?limit=1"))!["items"]![0]!;
        await Eventually.HoldsAsync(async () => (await Site.ApiAsync(HttpMethod.Get, $"/system/calls/{letter["callId"]}"))?["calls"]?[0]?["endedAt"] is not null, "the history has the call's end");
        await Site.ApiAsync(HttpMethod.Post, "/system/queues/faas-request/functions/hourly/pause", new { reason = "for a look" });
        var page = await OpenLoggedOutAsync(window: new()
        {
            ViewportSize = new() { Width = width, Height = 900 },
            ColorScheme = theme == "dark" ? ColorScheme.Dark : ColorScheme.Light,
            ReducedMotion = ReducedMotion.Reduce,
        });
        await CheckAsync(page);
        await LogInAsync(page, PageSystem.Operator, PageSystem.Password);
        await page.Locator("h1:not(:text('Log in'))").WaitForAsync();
        foreach (var (address, settled) in Views(letter, $"?since={letter["lastAt"]}"))
        {
            await ReportAsync();
            await page.GotoAsync(new Uri(Site.Url, address).AbsoluteUri);
            await page.Locator(settled).First.WaitForAsync();
            await CheckAsync(page);
        }

        await Site.ApiAsync(HttpMethod.Post, "/system/queues/faas-request/functions/hourly/resume");

        // Run in the page itself, and only what it violates is made a list of: the package's own way opens a window for each run and tells of all that is well.
        async Task CheckAsync(IPage page)
        {
            // The login, too, is drawn by a script.
            await page.Locator("h1").First.WaitForAsync();
            await page.EvaluateAsync(AxeScript);
            var violations = await page.EvaluateAsync<string[]>(
                """
                async rules => {
                  const found = await axe.run(document, { resultTypes: ['violations'], ...(rules && { runOnly: rules.split(',') }) });
                  return found.violations.map(one => `${one.id}: ${one.help} ${one.nodes.map(node => node.html).join(' | ')}`);
                }
                """,
                rules);
            Assert.True(violations.Length == 0, $"{page.Url}\n{string.Join('\n', violations)}");
        }
    }

    [Fact]
    public async Task The_keyboard_leads_everywhere()
    {
        var page = await OpenAsync();
        foreach (var (key, view) in new[] { ("f", "Functions"), ("c", "Calls"), ("d", "Dead letters"), ("k", "Connectors"), ("o", "Overview") })
        {
            await page.Keyboard.PressAsync("g");
            await page.Keyboard.PressAsync(key);
            await page.GetByRole(AriaRole.Heading, new() { Name = view, Exact = true }).WaitForAsync();
        }

        await page.Keyboard.PressAsync("?");
        await page.GetByRole(AriaRole.Heading, new() { Name = "Keys" }).WaitForAsync();
        await page.Keyboard.PressAsync("Escape");
        await page.Locator("dialog").WaitForAsync(new() { State = WaitForSelectorState.Detached });
    }

    /// <summary>Pictures of every view, for people to look at and for docs/page.png: into the folder that CONNECTORS_PAGE_PICTURES names; without it fewer, which are thrown away.</summary>
    [Fact]
    public async Task Every_view_can_be_looked_at()
    {
        var kept = Environment.GetEnvironmentVariable("CONNECTORS_PAGE_PICTURES");
        var folder = kept is { Length: > 0 } ? kept : Directory.CreateTempSubdirectory("pictures-").FullName;
        var (seconds, looks) = kept is { Length: > 0 } ? (40, new[] { ("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390) }) : (1, [("dark", 390)]);

        await Site.DeadAsync("""{"order": 4699}"""u8.ToArray());
        Site.IsCallbackRefused = true;
        for (var second = 0; second < seconds; second++)
        {
            await Task.WhenAll(Enumerable.Range(0, 4 + (second % 9)).Select(i => Site.CallAsync(i == 0 && second % 4 == 0 ? "broken" : "work", Encoding.UTF8.GetBytes($$"""{"order": {{4700 + second}}, "items": [{"sku": "A-{{i}}", "count": 2}], "note": "Grüße"}"""), "application/json")));
            await Site.CallAsync("idle", "monthly"u8.ToArray());
            if (second + 1 < seconds)
            {
                await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, TestContext.Current.CancellationToken);
            }
        }

        await Site.CallAsync(
            "broken", Encoding.UTF8.GetBytes("""{"order": 4711, "items": [{"sku": "A-7", "count": 2}], "note": "Grüße"}"""), "application/json", ("X-Callback-Url", Site.CallbackUrl.ToString()), ("X-Call-Tags", "order:4711, eu"));
        var letter = await Eventually.GetAsync(
            async () => (await Site.ApiAsync(HttpMethod.Get, "/system/queues/faas-request/dead?limit=1000&tag=order:4711"))!["items"]!.AsArray() is { Count: > 0 } items ? items[^1] : null, "the last is a dead letter");
        await Eventually.HoldsAsync(async () => ((int?)(await Site.ApiAsync(HttpMethod.Get, $"/system/calls/{letter["callId"]}"))?["calls"]?[0]?["callback"]?["attempts"]) >= 2, "its callback was refused twice");
        await Site.ApiAsync(HttpMethod.Post, "/system/queues/reports/pause", new { reason = "the store moves", by = "ann" });
        await Eventually.HoldsAsync(async () => (await Site.ApiAsync(HttpMethod.Get, "/system/overview"))!["queues"]!.AsArray().Any(queue => queue!["paused"] is not null), "the overview has it");
        foreach (var (theme, width) in looks)
        {
            var page = await OpenLoggedOutAsync(window: new() { ViewportSize = new() { Width = width, Height = width > 1000 ? 860 : 800 }, ColorScheme = theme == "dark" ? ColorScheme.Dark : ColorScheme.Light });
            await page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"login-{theme}-{width}.png") });
            await LogInAsync(page, PageSystem.Operator, PageSystem.Password);
            await page.Locator("h1:not(:text('Log in'))").WaitForAsync();
            foreach (var (address, settled) in Views(letter))
            {
                await ReportAsync();
                await page.GotoAsync(new Uri(Site.Url, address).AbsoluteUri);
                await page.Locator(settled).First.WaitForAsync();
                var name = address.Split('/', '?')[2] + (address.Contains('=', StringComparison.Ordinal) && (address.Contains("seq", StringComparison.Ordinal) || address.Contains("name", StringComparison.Ordinal) || address.Contains("id=", StringComparison.Ordinal)) ? "-one" : "");
                await page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"{name}-{theme}-{width}.png"), FullPage = width < 1000 || address != "/ui/overview" });
            }
        }

        Site.IsCallbackRefused = false;
        await Site.ApiAsync(HttpMethod.Post, "/system/queues/reports/resume");
        Assert.All(Directory.GetFiles(folder, "*.png"), picture => Assert.True(new FileInfo(picture).Length > 4096, picture));
        if (folder != kept)
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // Each view's address, and what is there once it is drawn.
    private static IEnumerable<(string Address, string Settled)> Views(JsonNode letter, string calls = "") =>
    [
        ("/ui/overview", ".charts svg"),
        ("/ui/functions", "[data-function]"),
        ("/ui/functions?name=work.openfaas-fn", "form[aria-label=Invoke]"),
        ($"/ui/calls{calls}", "[data-call]"),
        ($"/ui/calls?id={letter["callId"]}", "[data-story] a[href*='seq=']"),
        ("/ui/connectors", "[data-connector=sqs-connector]"),
        ("/ui/dead?queue=faas-request", "main tbody tr"),
        ($"/ui/dead?queue=faas-request&seq={letter["seq"]}", "#body-text"),
    ];

    // What connectors of brokers would say, for a look at their tables.
    private async Task ReportAsync()
    {
        await ReportAsync("kafka-connector", string.Concat(Enumerable.Range(0, 3).Select(partition =>
            $$$"""
            kafka_connector_lag{group="functions",topic="orders",partition="{{{partition}}}"} {{{partition * 1830}}}
            kafka_connector_messages_offset{group="functions",topic="orders",partition="{{{partition}}}"} {{{120_400 + partition}}}
            kafka_connector_oldest_event_age_seconds{group="functions",topic="orders",partition="{{{partition}}}"} {{{partition * 12.4}}}

            """)) + "kafka_connector_assigned_partitions{group=\"functions\"} 3\nkafka_connector_retries_total{group=\"functions\",topic=\"orders\"} 17\n");
        await ReportAsync("sqs-connector", string.Concat(new[] { ("orders", 1240, 31, 3.2), ("invoices.fifo", 0, 0, 0.0) }.Select(queue =>
            $$$"""
            sqs_connector_queue_readable{queue="{{{queue.Item1}}}"} 1
            sqs_connector_queue_messages{queue="{{{queue.Item1}}}",state="waiting"} {{{queue.Item2}}}
            sqs_connector_queue_messages{queue="{{{queue.Item1}}}",state="in_flight"} {{{queue.Item3}}}
            sqs_connector_queue_messages{queue="{{{queue.Item1}}}",state="delayed"} 0
            sqs_connector_in_flight_messages{queue="{{{queue.Item1}}}"} {{{queue.Item3}}}
            sqs_connector_oldest_message_age_seconds{queue="{{{queue.Item1}}}"} {{{queue.Item4}}}
            sqs_connector_received_total{queue="{{{queue.Item1}}}"} 48210
            sqs_connector_deleted_total{queue="{{{queue.Item1}}}"} 48150

            """)) + "connector_topic_map_functions 2\nconnector_inflight_events 31\nconnector_events_total{topic=\"orders\",verdict=\"completed\"} 48150\nconnector_events_total{topic=\"orders\",verdict=\"failed\"} 29\n");
        await ReportAsync("rabbitmq-connector",
            """
            rabbitmq_connector_queue_consumed{queue="mails"} 1
            rabbitmq_connector_queue_depth{queue="mails"} 12
            rabbitmq_connector_queue_consumers{queue="mails"} 2
            rabbitmq_connector_in_flight_messages{queue="mails"} 4
            rabbitmq_connector_oldest_message_age_seconds{queue="mails"} 0.4
            rabbitmq_connector_messages_processed_total{queue="mails"} 9120

            """);

        Task ReportAsync(string connector, string metrics) => Site.ApiAsync(HttpMethod.Post, "/system/connectors", new { connector, instance = connector + "-1", metrics });
    }
}
