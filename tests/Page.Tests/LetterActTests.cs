using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Connectors.Testing;
using Microsoft.Playwright;

namespace Connectors.Page.Tests;

/// <summary>Dead letters seen, redriven, edited and deleted by the page.</summary>
[Collection(PageSystem.SharedQueue)]
public sealed class LetterActTests(PageSystem site) : SharedQueueTests(site)
{
    private static readonly int Letters = int.TryParse(Environment.GetEnvironmentVariable("CONNECTORS_PAGE_LETTERS"), out var count) ? count : 24;

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
    public async Task A_redrive_that_goes_on_is_shown_to_everybody_and_stopped_by_an_operator()
    {
        await Site.DeadAsync([.. Enumerable.Range(0, 5).Select(i => Encoding.ASCII.GetBytes($"letter {i}"))]);
        var id = (string)(await Site.ApiAsync(HttpMethod.Post, "/system/queues/faas-request/redrives", new { reason = "failed", ratePerSecond = 0.01 }))!["id"]!;
        var page = await OpenAsync("/ui/dead?queue=faas-request");
        var viewers = await OpenAsync("/ui/dead?queue=faas-request", PageSystem.Viewer);
        var (line, viewed) = (page.Locator($"[data-redrive='{id}']"), viewers.Locator($"[data-redrive='{id}']"));

        await line.And(page.GetByText(new Regex(@"^Letters with reason failed in faas-request are being redriven since \d{4}-.* UTC: 1 so far"))).WaitForAsync();
        await viewed.WaitForAsync();
        Assert.Equal(0, await viewed.GetByRole(AriaRole.Button).CountAsync());
        await line.GetByRole(AriaRole.Button, new() { Name = "Stop" }).ClickAsync();

        await page.GetByText("The redrive is cancelled: 1 letter redriven.").WaitForAsync();
        await line.WaitForAsync(new() { State = WaitForSelectorState.Detached });
        await viewed.WaitForAsync(new() { State = WaitForSelectorState.Detached });
        Assert.Equal("cancelled", (string)(await Site.ApiAsync(HttpMethod.Get, $"/system/queues/faas-request/redrives/{id}"))!["state"]!);
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
    public async Task What_was_sent_beside_the_body_is_shown_without_credentials()
    {
        const string Odd = "<img src=x onerror=\"document.title='run'\">";
        await Eventually.HoldsAsync(async () => await Site.CountAsync("calls") == 0, "what ran before has ended");
        Site.IsBroken = true;
        await Site.CallAsync(
            "broken/orders?page=2&token=hidden", "x"u8.ToArray(), "text/plain",
            ("X-Call-Tags", "page-sent"), ("X-Odd", Odd), ("X-Api-Key", "hidden"), ("X-Callback-Url", $"{Site.CallbackUrl}?secret=hidden"));
        var letter = await Eventually.GetAsync(
            async () => (await Site.ApiAsync(HttpMethod.Get, "/system/queues/faas-request/dead?tag=page-sent"))!["items"]!.AsArray() is { Count: > 0 } items ? items[0] : null, "it is a dead letter");
        var page = await OpenAsync($"/ui/dead?queue=faas-request&seq={letter["seq"]}");
        var sent = page.Locator("[data-sent]");

        await ShowsAsync(sent.Locator("dd").First, () => Task.FromResult<string?>("POST /orders?page=2&token=***"));
        var told = (await sent.Locator("dt").AllTextContentsAsync()).Zip(await sent.Locator("dd").AllTextContentsAsync()).ToLookup(fact => fact.First.ToLowerInvariant(), fact => fact.Second);
        Assert.Equal($"{Site.CallbackUrl}?secret=***", told["callback to"].Single());
        Assert.Equal(("text/plain", Odd, "***"), (told["content-type"].Single(), told["x-odd"].Single(), told["x-api-key"].Single()));
        Assert.DoesNotContain("hidden", await page.Locator("main").InnerHTMLAsync(), StringComparison.Ordinal);
        Assert.NotEqual("run", await page.TitleAsync());
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
}
