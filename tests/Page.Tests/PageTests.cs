using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Connectors.Testing;
using Deque.AxeCore.Commons;
using Microsoft.Playwright;

namespace Connectors.Page.Tests;

/// <summary>The page in a real browser, before the real system.</summary>
[Collection(PageSystem.SharedQueue)]
public sealed partial class PageTests(PageSystem site) : SharedQueueTests(site)
{
    private static readonly string AxeScript = new BundledAxeScriptProvider().GetScript();
    private static readonly int Letters = int.TryParse(Environment.GetEnvironmentVariable("CONNECTORS_PAGE_LETTERS"), out var count) ? count : 24;

    [Fact]
    public async Task A_wrong_password_is_told_and_the_right_one_leads_on()
    {
        var page = await OpenLoggedOutAsync("/ui/dead");

        await LogInAsync(page, PageSystem.Operator, "wrong");
        await page.GetByText("Name or password is wrong.").WaitForAsync();
        await LogInAsync(page, PageSystem.Operator, PageSystem.Password);

        await page.GetByRole(AriaRole.Heading, new() { Name = "Dead letters" }).WaitForAsync();
    }

    [Fact]
    public async Task An_expired_login_leads_to_the_login()
    {
        await using var gateway = await Site.StartGatewayAsync(("ui_session", "20s"), ("faas_nats_address", ""));
        var page = await OpenLoggedOutAsync(gateway: gateway.Api);

        await LogInAsync(page, PageSystem.Operator, PageSystem.Password);
        await page.GetByRole(AriaRole.Heading, new() { Name = "Overview" }).WaitForAsync();

        await page.GetByRole(AriaRole.Heading, new() { Name = "Log in" }).WaitForAsync();
    }

    [Fact]
    public async Task The_first_view_is_small_and_comes_from_the_gateway_alone()
    {
        var page = await OpenLoggedOutAsync("about:blank");
        var answers = new ConcurrentQueue<IResponse>();
        page.Response += (_, answer) => answers.Enqueue(answer);

        await page.GotoAsync(new Uri(Site.Url, "/ui/").AbsoluteUri);
        await LogInAsync(page, PageSystem.Operator, PageSystem.Password);
        await page.Locator("[data-queue]").First.WaitForAsync();

        Assert.All(answers, answer => Assert.StartsWith(Site.Url.AbsoluteUri, answer.Url, StringComparison.Ordinal));
        var size = 0;
        foreach (var answer in answers.ToArray().Where(answer => answer.Status == 200 && !answer.Url.Contains("/events", StringComparison.Ordinal)))
        {
            size += (await answer.BodyAsync()).Length;
        }

        TestContext.Current.SendDiagnosticMessage($"first view: {size} bytes");
        Assert.InRange(size, 1, 100_000);
    }

    [Fact]
    public async Task The_overview_shows_what_the_api_tells_and_follows_it()
    {
        await Site.CallAsync("idle", "x"u8.ToArray());
        var page = await OpenAsync();
        var waiting = page.Locator("[data-queue=reports] td").First;
        await ShowsAsync(waiting, async () => (string?)(await Site.ApiAsync(HttpMethod.Get, "/system/queues/reports"))?["calls"]?.ToString());

        await Site.CallAsync("idle", "x"u8.ToArray());

        await ShowsAsync(waiting, async () => (await Site.ApiAsync(HttpMethod.Get, "/system/queues/reports"))?["calls"]?.ToString());
        await ShowsAsync(page.Locator("[data-queue=faas-request] td:nth-child(12)"), () => Task.FromResult<string?>("1"));
        await ShowsAsync(page.Locator("[data-queue=reports] td:nth-child(12)"), () => Task.FromResult<string?>("0"));

        // What is chosen stands in the address, and the charts survive a reload.
        await page.GetByRole(AriaRole.Link, new() { Name = "reports" }).ClickAsync();
        await page.WaitForURLAsync(address => address.EndsWith("?queue=reports", StringComparison.Ordinal));
        await page.ReloadAsync();
        await page.Locator(".chart svg[aria-label*='Waiting, last 15 minutes: waiting']:not([aria-label*='nothing yet'])").WaitForAsync();
    }

    [Fact]
    public async Task Paused_the_page_stands_still()
    {
        var page = await OpenAsync();
        await page.Locator("[data-queue]").First.WaitForAsync();

        await page.Keyboard.PressAsync("p");
        await page.GetByRole(AriaRole.Button, new() { Name = "Paused" }).WaitForAsync();
        await Eventually.HoldsAsync(async () => await Site.Gateway.MetricAsync("gateway_ui_listeners") is 0, "nobody listens");
        await page.Keyboard.PressAsync("p");

        await Eventually.HoldsAsync(async () => await Site.Gateway.MetricAsync("gateway_ui_listeners") is 1, "the page listens again");
    }

    [Fact]
    public async Task A_queue_is_paused_and_resumed_and_says_why_and_by_whom()
    {
        await Site.CallAsync("idle", "x"u8.ToArray());
        var page = await OpenAsync();

        await page.GetByRole(AriaRole.Button, new() { Name = "Pause reports" }).ClickAsync();
        await page.GetByRole(AriaRole.Heading, new() { Name = "Pause reports?" }).WaitForAsync();
        await page.GetByLabel("Reason").FillAsync("the <b>store</b> moves");
        await page.Locator("dialog").GetByRole(AriaRole.Button, new() { Name = "Pause", Exact = true }).ClickAsync();

        await page.Locator("[data-queue=reports] .tag", new() { HasText = "paused" }).WaitForAsync();
        await page.Locator("[data-hold='reports/'] td", new() { HasText = "the <b>store</b> moves" }).WaitForAsync();
        var paused = (await Site.ApiAsync(HttpMethod.Get, "/system/queues/reports"))!["paused"]!;
        Assert.Equal(("the <b>store</b> moves", PageSystem.Operator), ((string)paused["reason"]!, (string)paused["by"]!));
        await page.GetByRole(AriaRole.Button, new() { Name = "Resume reports" }).First.ClickAsync();
        await page.Locator("dialog").GetByRole(AriaRole.Button, new() { Name = "Cancel" }).ClickAsync();
        Assert.NotNull((await Site.ApiAsync(HttpMethod.Get, "/system/queues/reports"))!["paused"]);
        await page.GetByRole(AriaRole.Button, new() { Name = "Resume reports" }).First.ClickAsync();
        await page.Locator("dialog").GetByRole(AriaRole.Button, new() { Name = "Resume", Exact = true }).ClickAsync();

        await page.Locator("[data-hold='reports/']").WaitForAsync(new() { State = WaitForSelectorState.Detached });
        Assert.Null((await Site.ApiAsync(HttpMethod.Get, "/system/queues/reports"))!["paused"]);
    }

    [Fact]
    public async Task A_paused_functions_calls_are_told_as_held_and_come_back_when_it_is_resumed()
    {
        // What still waits when the function is paused would be held, too.
        await Site.CallAsync("work", "makes the queue"u8.ToArray());
        await Eventually.HoldsAsync(async () => await Site.CountAsync("calls") == 0, "all calls ended");
        var page = await OpenAsync("/ui/functions?name=work.openfaas-fn");
        await page.GetByRole(AriaRole.Button, new() { Name = "Pause its queued calls" }).ClickAsync();
        await page.GetByLabel("Reason").FillAsync("it fails");
        await page.Keyboard.PressAsync("Enter");
        await page.Locator(".note.held", new() { HasText = "it fails" }).WaitForAsync();
        await page.Locator("[data-function='work.openfaas-fn'] .tag", new() { HasText = "paused" }).WaitForAsync();

        // The page knows it from the gateway; the worker hears of it by itself, and runs what comes before.
        await Site.Worker.Process.LineAsync(
            line => line.Contains(" Paused ", StringComparison.Ordinal) && line.Contains("work.openfaas-fn", StringComparison.Ordinal), "the worker heard of the pause");

        await Site.CallAsync("work", "held meanwhile"u8.ToArray());

        await page.Locator(".note.held", new() { HasText = "1 call held" }).WaitForAsync();
        await page.GotoAsync(new Uri(Site.Url, "/ui/overview").AbsoluteUri);
        await ShowsAsync(page.Locator("[data-queue=faas-request] td:nth-child(6)"), async () => (await Site.ApiAsync(HttpMethod.Get, "/system/queues/faas-request"))?["held"]?.ToString());
        await page.Locator("[data-hold='faas-request/work.openfaas-fn'] td", new() { HasText = "1 call held" }).WaitForAsync();
        await ShowsAsync(page.Locator("[data-sum=retrying]"), () => Task.FromResult<string?>("0"));
        Assert.DoesNotContain(Site.Function.Requests, request => request.Text == "held meanwhile");
        await page.GetByRole(AriaRole.Button, new() { Name = "Resume work.openfaas-fn" }).ClickAsync();
        await page.GetByText("1 call that was held comes back, behind those that came meanwhile.").WaitForAsync();
        await page.Locator("dialog").GetByRole(AriaRole.Button, new() { Name = "Resume", Exact = true }).ClickAsync();

        await Site.Function.ReceivesAsync(1, request => request.Text == "held meanwhile");
        await page.Locator("[data-hold='faas-request/work.openfaas-fn']").WaitForAsync(new() { State = WaitForSelectorState.Detached });
    }

    [Fact]
    public async Task A_function_whose_breaker_is_open_is_told_with_its_next_try_until_it_is_back()
    {
        var port = FreePort.Next();
        await Site.ApiAsync(HttpMethod.Post, "/system/functions", new
        {
            service = "away",
            image = "test/away",
            envVars = new Dictionary<string, string> { ["upstream_url"] = $"http://127.0.0.1:{port}/" },
            annotations = new Dictionary<string, string> { ["com.openfaas.breaker.failures"] = "1", ["com.openfaas.breaker.min_wait"] = "1s", ["com.openfaas.breaker.max_wait"] = "2s" },
        });
        await Site.CallAsync("away", "held meanwhile"u8.ToArray());
        var page = await OpenAsync();

        var held = page.Locator("[data-hold='faas-request/away.openfaas-fn']");
        await held.GetByText(new Regex(@"^cannot be reached: .+; tried again at \d\d:\d\d:\d\d UTC$")).WaitForAsync();
        await held.GetByText("1 call held").WaitForAsync();
        await held.GetByText("its breaker").WaitForAsync();
        var since = (DateTime)(await BreakerAsync())!["at"]!;
        Assert.Equal(since.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture), await held.Locator("td").Nth(4).TextContentAsync());
        await page.GotoAsync(new Uri(Site.Url, "/ui/functions?name=away.openfaas-fn").AbsoluteUri);
        await page.Locator("[data-function='away.openfaas-fn'] .tag", new() { HasText = "breaker open" }).WaitForAsync();
        await page.Locator(".note.held", new() { HasText = "tried again at" }).WaitForAsync();

        await using var back = await HttpLedger.StartAsync(port: port);
        await back.ReceivesAsync(1, request => request.Text == "held meanwhile");

        await page.Locator("[data-function='away.openfaas-fn'] .tag").WaitForAsync(new() { State = WaitForSelectorState.Detached });
        await page.Locator(".note.held").WaitForAsync(new() { State = WaitForSelectorState.Detached });
        await page.GotoAsync(new Uri(Site.Url, "/ui/overview").AbsoluteUri);
        await page.Locator("tr[data-queue=faas-request]").WaitForAsync();
        await held.WaitForAsync(new() { State = WaitForSelectorState.Detached });
        Assert.Null(await BreakerAsync());
        await Site.ApiAsync(HttpMethod.Delete, "/system/functions", new { functionName = "away" });

        async Task<JsonNode?> BreakerAsync() => (await Site.ApiAsync(HttpMethod.Get, "/system/queues/faas-request"))!["functions"]!.AsArray()
            .FirstOrDefault(function => (string)function!["function"]! == "away.openfaas-fn")?["breaker"];
    }

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
    public async Task Dead_letters_are_redriven_to_the_end_and_the_counts_follow()
    {
        await Site.DeadAsync([.. Enumerable.Range(0, Letters).Select(i => Encoding.ASCII.GetBytes($"letter {i}"))]);
        var begun = TimeProvider.System.GetUtcNow();
        var total = await Site.CountAsync("dead");
        var page = await OpenAsync("/ui/dead?queue=faas-request");
        await ShowsAsync(page.Locator("#total"), async () => $"{await Site.CountAsync("dead")} letters in this queue");

        Site.IsBroken = false;
        await page.GetByRole(AriaRole.Button, new() { Name = "Redrive all matching" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = $"Redrive {total}", Exact = true }).ClickAsync();

        await page.GetByText(new Regex($"^{total} of {total} redriven – done")).WaitForAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Close" }).ClickAsync();
        await page.GetByText("No dead letter matches.").WaitForAsync();
        await ShowsAsync(page.Locator("#total"), async () => $"{await Site.CountAsync("dead")} letters in this queue");
        await Eventually.HoldsAsync(async () => await Site.CountAsync("calls") == 0, "all calls ended");
        Assert.Equal(0, await Site.CountAsync("dead"));
        await Eventually.HoldsAsync(async () => await Site.ActedAsync("POST", "/system/queues/faas-request/redrives", begun) >= total, "the acts are told, each after its answer");
    }

    [Fact]
    public async Task Selected_letters_are_deleted_after_a_confirmation_that_says_how_many()
    {
        await Site.DeadAsync("one"u8.ToArray(), "two"u8.ToArray(), "three"u8.ToArray());
        var before = await Site.CountAsync("dead");
        var page = await OpenAsync("/ui/dead?queue=faas-request&function=broken&reason=failed");

        await page.Locator("tbody input").Nth(0).CheckAsync();
        await page.Locator("tbody input").Nth(1).CheckAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Delete selected" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Cancel" }).ClickAsync();
        Assert.Equal(before, await Site.CountAsync("dead"));
        await page.GetByRole(AriaRole.Button, new() { Name = "Delete selected" }).ClickAsync();
        await page.GetByRole(AriaRole.Heading, new() { Name = "Delete 2 letters?" }).WaitForAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Delete 2", Exact = true }).ClickAsync();

        await page.GetByText("2 of 2 deleted").WaitForAsync();
        Assert.Equal(before - 2, await Site.CountAsync("dead"));
    }

    [Fact]
    public async Task All_that_match_are_deleted_with_a_bar_that_shows_how_far_it_is_and_no_letter_that_was_not_counted()
    {
        await Site.DeadAsync([.. Enumerable.Range(0, Letters).Select(i => Encoding.ASCII.GetBytes($"letter {i}"))]);
        var begun = TimeProvider.System.GetUtcNow();
        var total = await Site.CountAsync("dead");
        var page = await OpenAsync("/ui/dead?queue=faas-request");

        await page.GetByRole(AriaRole.Button, new() { Name = "Delete all matching" }).ClickAsync();
        await page.GetByRole(AriaRole.Heading, new() { Name = $"Delete {total} letters?" }).WaitForAsync();
        await Site.DeadAsync("died meanwhile"u8.ToArray());
        await page.EvaluateAsync(
            """
            () => {
              window.told = [];
              new MutationObserver(() => {
                const bar = document.querySelector('progress');
                if (bar) told.push({ done: bar.value / bar.max, text: document.querySelector('dialog [role=status]').textContent });
              }).observe(document.body, { subtree: true, childList: true, characterData: true });
            }
            """);
        await page.GetByRole(AriaRole.Button, new() { Name = $"Delete {total}", Exact = true }).ClickAsync();

        await page.GetByText($"{total} of {total} deleted – done", new() { Exact = true }).WaitForAsync();
        var told = JsonNode.Parse(await page.EvaluateAsync<string>("() => JSON.stringify(told)"))!.AsArray().Select(one => (Done: (double)one!["done"]!, Text: (string)one["text"]!)).ToList();
        Assert.Contains(told, one => one.Done is > 0 and < 1 && new Regex(@"^\d+ of \d+ deleted$").IsMatch(one.Text));
        Assert.Equal(1, told[^1].Done);
        Assert.Equal(1, await Site.CountAsync("dead"));
        await page.GetByRole(AriaRole.Button, new() { Name = "Close" }).ClickAsync();
        await ShowsAsync(page.Locator("#total"), () => Task.FromResult<string?>("1 letter in this queue"));
        await Eventually.HoldsAsync(async () => await page.Locator("main tbody tr").CountAsync() == 1, "the one that was not counted is left");
        await Eventually.HoldsAsync(async () => await Site.ActedAsync("DELETE", "/system/queues/faas-request/dead", begun) >= total, "the acts are told, each after its answer");
    }

    [Fact]
    public async Task A_letter_is_edited_and_redriven()
    {
        await Site.DeadAsync("to be edited"u8.ToArray());
        var seq = (ulong)(await Site.ApiAsync(HttpMethod.Get, "/system/queues/faas-request/dead?limit=1000"))!["items"]!.AsArray()[^1]!["seq"]!;
        var page = await OpenAsync($"/ui/dead?queue=faas-request&seq={seq}");
        Site.IsBroken = false;

        await page.GetByText("Edit and redrive").ClickAsync();
        await page.Locator("details").GetByLabel("Body").FillAsync("edited");
        await page.Locator("details").GetByLabel("Headers to set").FillAsync("X-Edited: by hand");
        await page.GetByRole(AriaRole.Button, new() { Name = "Redrive 1 edited letter" }).ClickAsync();

        await Site.Function.ReceivesAsync(1, request => request.Text == "edited" && request.Header("X-Edited") == "by hand");
        await Eventually.HoldsAsync(async () => await Site.ApiAsync(HttpMethod.Get, $"/system/queues/faas-request/dead/{seq}") is null, "the letter is gone");
    }

    [Fact]
    public async Task Whatever_a_caller_sent_is_shown_and_does_nothing()
    {
        const string Script = "<script>document.title='run'</script><img src=x onerror=\"document.title='run'\">";
        var binary = new byte[900_000];
        new Random(1).NextBytes(binary);
        await Site.DeadAsync(Encoding.UTF8.GetBytes(Script));
        await Site.DeadAsync(binary);
        await Site.DeadAsync([.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes($"Grüße {Script}")]);
        await Site.DeadAsync("""{"a":[1,{"b":"</pre><script>document.title='run'</script>"}]}"""u8.ToArray());
        var letters = (await Site.ApiAsync(HttpMethod.Get, "/system/queues/faas-request/dead?limit=1000"))!["items"]!.AsArray().Select(item => (ulong)item!["seq"]!).TakeLast(4).ToList();
        var page = await OpenAsync($"/ui/dead?queue=faas-request&seq={letters[0]}");
        var shown = page.Locator("#body-text");

        await ShowsAsync(shown, () => Task.FromResult<string?>(Script));
        await page.GotoAsync(new Uri(Site.Url, $"/ui/dead?queue=faas-request&seq={letters[1]}").AbsoluteUri);
        await page.Locator("pre.hex").WaitForAsync();
        Assert.StartsWith($"000000  {Convert.ToHexString(binary[..2]).ToLowerInvariant()[..2]} ", await shown.TextContentAsync(), StringComparison.Ordinal);
        await page.GetByText("900,000 bytes, only the beginning is shown").WaitForAsync();
        await page.GotoAsync(new Uri(Site.Url, $"/ui/dead?queue=faas-request&seq={letters[2]}").AbsoluteUri);
        await ShowsAsync(shown, () => Task.FromResult<string?>($"Grüße {Script}"));
        await page.GotoAsync(new Uri(Site.Url, $"/ui/dead?queue=faas-request&seq={letters[3]}").AbsoluteUri);
        await page.GetByRole(AriaRole.Tab, new() { Name = "JSON", Selected = true }).WaitForAsync();
        Assert.Contains("\n      \"b\": \"</pre><script>", await shown.TextContentAsync(), StringComparison.Ordinal);

        Assert.Equal("Dead letters · Connectors", await page.TitleAsync());
        Assert.Equal(0, await page.Locator("pre script, pre img").CountAsync());
    }

    [Fact]
    public async Task A_viewer_finds_nothing_to_act_with()
    {
        await Site.DeadAsync("one"u8.ToArray());
        var letter = (await Site.ApiAsync(HttpMethod.Get, "/system/queues/faas-request/dead?limit=1000"))!["items"]!.AsArray()[^1]!;
        var (seq, call) = (letter["seq"], letter["callId"]);

        // Of a call that still runs there is a story, too, without an end.
        await Eventually.HoldsAsync(async () => (await Site.ApiAsync(HttpMethod.Get, $"/system/calls/{call}"))?["calls"]?[0]?["endedAt"] is not null, "the history has the call's end");
        foreach (var address in new[] { "/ui/overview", "/ui/functions?name=work.openfaas-fn", $"/ui/calls?id={call}", $"/ui/dead?queue=faas-request&seq={seq}" })
        {
            var page = await OpenAsync(address, PageSystem.Viewer);
            await page.GetByText("(viewer)").WaitForAsync();
            await page.Locator("main dl, main .charts svg").First.WaitForAsync();
            if (address.Contains("calls", StringComparison.Ordinal))
            {
                await page.GetByText("Its dead letter").WaitForAsync();
            }

            var buttons = await page.Locator("main button").AllTextContentsAsync();
            Assert.DoesNotContain(buttons, text => ActWords().IsMatch(text));
            Assert.Equal(0, await page.Locator("main input[type=checkbox]").CountAsync());
        }
    }

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
    public async Task A_function_is_found_and_invoked()
    {
        var page = await OpenAsync("/ui/functions");
        await page.GetByLabel("Name", new() { Exact = true }).FillAsync("hour");
        await page.Keyboard.PressAsync("Enter");
        await page.WaitForURLAsync(address => address.Contains("filter=hour", StringComparison.Ordinal));
        await page.GetByText("1 function", new() { Exact = true }).WaitForAsync();
        await page.Locator("[data-function='hourly.openfaas-fn'] td:last-child", new() { HasText = "0 * * * *" }).WaitForAsync();

        await page.GotoAsync(new Uri(Site.Url, "/ui/functions?name=work.openfaas-fn").AbsoluteUri);
        await page.GetByLabel("Path and query").FillAsync("/from-the-page?a=b");
        await page.GetByLabel("Headers, one a line").FillAsync("X-One: 1\nX-Two: 2");
        await page.GetByLabel("Body", new() { Exact = true }).First.FillAsync("hello");
        await page.GetByRole(AriaRole.Button, new() { Name = "Invoke" }).ClickAsync();

        await ShowsAsync(page.Locator("#invoked"), () => Task.FromResult<string?>("200"));
        Assert.Contains("<script>", await page.Locator("#body-text").TextContentAsync(), StringComparison.Ordinal);
        var request = Site.Function.Requests.Single(one => one.Path.EndsWith("/from-the-page", StringComparison.Ordinal));
        Assert.Equal(("hello", "1", "2", null), (Encoding.UTF8.GetString(request.Body), request.Header("X-One"), request.Header("X-Two"), request.Header("Cookie")));
        var listed = (await Site.ApiAsync(HttpMethod.Get, "/system/overview/functions?filter=work"))!["items"]![0]!;
        await ShowsAsync(page.Locator("[data-function='work.openfaas-fn'] td:nth-child(3)"), async () =>
            (string?)(await Site.ApiAsync(HttpMethod.Get, "/system/overview/functions?filter=work"))!["items"]![0]!["calls"]!.ToString());
        Assert.True((double)listed["p50"]! > 0);

        // An act is told of after its answer.
        await Eventually.HoldsAsync(
            async () => (await Site.ApiAsync(HttpMethod.Get, "/system/overview/acts"))!.AsArray().Any(act => ((string)act!["path"]!).EndsWith("/from-the-page", StringComparison.Ordinal)), "the act is told");
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

    [Fact]
    public async Task A_call_is_looked_up_and_cancelled()
    {
        using var call = await Site.SendAsync(HttpMethod.Post, "/async-function/idle", "x", ("X-Call-Id", "page-call"), ("X-Store-Result", "1h"));
        var page = await OpenAsync("/ui/calls");

        await page.GetByLabel("Call id").FillAsync("page-call");
        await page.Keyboard.PressAsync("Enter");
        await page.GetByText("It has not ended yet.").WaitForAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Cancel the call" }).ClickAsync();
        await page.Locator("dialog").GetByRole(AriaRole.Button, new() { Name = "Cancel the call" }).ClickAsync();

        await page.GetByText("The call is cancelled").WaitForAsync();

        // An act is told of after its answer.
        await Eventually.HoldsAsync(
            async () => (await Site.ApiAsync(HttpMethod.Get, "/system/overview/acts"))!.AsArray().Any(act => (string)act!["path"]! == "/async-function/page-call" && (string)act["method"]! == "DELETE"), "the act is told");
    }

    [Fact]
    public async Task Ended_calls_are_found_by_what_stands_in_the_address_and_their_story_is_told()
    {
        using var call = await Site.SendAsync(HttpMethod.Post, "/async-function/work", "x", ("X-Call-Id", "page-story"), ("X-Call-Tags", "order:4711"));

        // A call of another test has the tag, too; it is of another function, and dead.
        await Eventually.GetAsync(async () => (await Site.ApiAsync(HttpMethod.Get, "/system/calls?tag=order:4711&function=work&state=succeeded"))?["items"]?.AsArray() is { Count: > 0 } items ? items : null, "the history has the call");
        var page = await OpenAsync("/ui/calls");

        await page.GetByLabel("Function").FillAsync("work");
        await page.GetByLabel("Ended since").FillAsync("1h");
        await page.GetByLabel("Tag").FillAsync("order:4711");
        await page.GetByLabel("State").SelectOptionAsync("succeeded");
        await page.WaitForURLAsync(address => address.EndsWith("/ui/calls?function=work&state=succeeded&since=1h&tag=order%3A4711", StringComparison.Ordinal));
        await page.Locator("[data-call=page-story]").WaitForAsync();
        await page.ReloadAsync();
        await page.Locator("[data-call=page-story]").WaitForAsync();
        Assert.Equal(1, await page.Locator("[data-call]").CountAsync());
        await page.GetByLabel("Ended before").FillAsync("2h");
        await page.Keyboard.PressAsync("Enter");
        await page.GetByText("No ended call matches.").WaitForAsync();
        await page.GoBackAsync();
        await page.Locator("[data-call=page-story] a").ClickAsync();

        var story = (await Site.ApiAsync(HttpMethod.Get, "/system/calls/page-story"))!["calls"]![0]!;
        await page.Locator($"[data-story='{story["deliveryId"]}'] [data-step=Ended]").WaitForAsync();
        Assert.Equal(["Accepted", "Attempt 1", "Ended"], await page.Locator("[data-step] th").AllTextContentsAsync());
        Assert.Equal("200", await page.Locator("[data-step='Attempt 1'] td").Nth(1).TextContentAsync());
        await page.GetByText("of calls that succeeded no body is kept").WaitForAsync();
    }

    [Fact]
    public async Task Each_attempt_of_a_callback_is_in_its_calls_story_while_it_is_due_and_when_it_is_delivered()
    {
        Site.IsCallbackRefused = true;
        await Site.CallAsync("work", "x"u8.ToArray(), "text/plain", ("X-Call-Id", "page-callback"), ("X-Callback-Url", Site.CallbackUrl.ToString()));
        await Eventually.HoldsAsync(async () => ((int?)(await CallbackAsync())?["attempts"]) >= 2, "it was refused twice");
        var page = await OpenAsync("/ui/calls?id=page-callback");

        await page.Locator("[data-step='Callback due']", new() { HasText = "not delivered yet" }).WaitForAsync();
        Assert.Equal("503", await page.Locator("[data-step='Callback 2'] td").Nth(1).TextContentAsync());
        Site.IsCallbackRefused = false;

        await page.Locator("[data-step='Callback ended']", new() { HasText = "delivered" }).WaitForAsync();
        var posts = (await CallbackAsync())!["posts"]!.AsArray();
        var shown = page.Locator("[data-step^='Callback ']:not([data-step='Callback ended'])");
        Assert.Equal(posts.Select(post => $"Callback {post!["attempt"]}"), await shown.Locator("th").AllTextContentsAsync());
        Assert.Equal("200", await shown.Last.Locator("td").Nth(1).TextContentAsync());
        Assert.Equal([.. Enumerable.Repeat(503, posts.Count - 1), 200], posts.Select(post => (int)post!["status"]!));

        async Task<JsonNode?> CallbackAsync() => (await Site.ApiAsync(HttpMethod.Get, "/system/calls/page-callback"))?["calls"]?[0]?["callback"];
    }

    [Fact]
    public async Task A_dead_call_is_run_again_from_its_story()
    {
        Site.IsBroken = true;
        await Site.CallAsync("broken", "run me again"u8.ToArray(), "text/plain", ("X-Call-Id", "page-again"));
        await Eventually.HoldsAsync(async () => (string?)(await Site.ApiAsync(HttpMethod.Get, "/system/calls/page-again"))?["calls"]?[0]?["state"] == "dead", "the history has the dead call");
        var page = await OpenAsync("/ui/calls?id=page-again");
        await ShowsAsync(page.Locator("[data-step='Attempt 1'] td").Nth(1), () => Task.FromResult<string?>("400"));
        Site.IsBroken = false;

        await page.GetByRole(AriaRole.Button, new() { Name = "Run it again" }).ClickAsync();
        await page.GetByRole(AriaRole.Heading, new() { Name = "Run 1 call again?" }).WaitForAsync();
        await page.Locator("dialog").GetByRole(AriaRole.Button, new() { Name = "Run it again" }).ClickAsync();

        await Eventually.HoldsAsync(
            async () => (await Site.ApiAsync(HttpMethod.Get, "/system/calls/page-again"))?["calls"]?.AsArray().Any(one => (string)one!["state"]! == "succeeded" && (int)one["redrive"]! == 1) == true, "it ran again");
        await page.ReloadAsync();
        await page.Locator("[data-step='Put back']").WaitForAsync();
        await page.GetByText("its dead letter is gone").WaitForAsync();
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

    private static Task ShowsAsync(ILocator place, Func<Task<string?>> text) => Eventually.HoldsAsync(
        async () => await place.TextContentAsync() is { } shown && shown == await text(), () => $"the page shows the same as the API at {place}");

    [GeneratedRegex("redrive|delete|invoke|cancel|edit|pause|resume|run", RegexOptions.IgnoreCase)]
    private static partial Regex ActWords();

    [GeneratedRegex(@"\b(?:[a-z]+_)?connector_[a-z_]+\b")]
    private static partial Regex MetricNames();
}
