using System.Globalization;
using System.Text.Json.Nodes;
using Connectors.Testing;
using Microsoft.Playwright;

namespace Connectors.Page.Tests;

/// <summary>A call's story, and what can be done with it.</summary>
[Collection(PageSystem.SharedQueue)]
public sealed class CallViewTests(PageSystem site) : SharedQueueTests(site)
{
    private const string Letters = "**/system/queues/faas-request/dead?*";

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
    public async Task A_letter_that_is_not_among_those_looked_at_is_not_told_as_gone()
    {
        await DieAsync("page-behind");
        var page = await OpenAsync();
        await page.RouteAsync(Letters, route => route.FulfillAsync(new() { ContentType = "application/json", Body = """{"items":[],"next":4711}""" }));

        await page.GotoAsync(new Uri(Site.Url, "/ui/calls?id=page-behind").AbsoluteUri);

        var told = page.Locator("[data-story]", new() { HasText = "up to number 4711" });
        await told.GetByRole(AriaRole.Link, new() { Name = "Look under Dead letters" }).WaitForAsync();
        Assert.Contains("after=4711", await told.GetByRole(AriaRole.Link, new() { Name = "Look under Dead letters" }).GetAttributeAsync("href"), StringComparison.Ordinal);
        Assert.Equal(0, await page.GetByText("its dead letter is gone").CountAsync());
    }

    // As an older worker wrote it, or one whose letter was long in being stored.
    [Fact]
    public async Task A_letter_whose_time_is_minutes_from_the_calls_end_is_found()
    {
        await DieAsync("page-apart");
        var page = await OpenAsync();
        await page.RouteAsync(Letters, async route =>
        {
            var query = System.Web.HttpUtility.ParseQueryString(new Uri(route.Request.Url).Query);
            if (DateTimeOffset.Parse(query["until"]!, CultureInfo.InvariantCulture) - DateTimeOffset.Parse(query["since"]!, CultureInfo.InvariantCulture) > TimeSpan.FromMinutes(10))
            {
                await route.ContinueAsync();
            }
            else
            {
                await route.FulfillAsync(new() { ContentType = "application/json", Body = """{"items":[],"next":null}""" });
            }
        });

        await page.GotoAsync(new Uri(Site.Url, "/ui/calls?id=page-apart").AbsoluteUri);

        await page.GetByRole(AriaRole.Button, new() { Name = "Run it again" }).WaitForAsync();
    }

    private async Task DieAsync(string id)
    {
        Site.IsBroken = true;
        await Site.CallAsync("broken", "x"u8.ToArray(), "text/plain", ("X-Call-Id", id));
        await Eventually.HoldsAsync(async () => (string?)(await Site.ApiAsync(HttpMethod.Get, $"/system/calls/{id}"))?["calls"]?[0]?["state"] == "dead", "the history has the dead call");
    }
}
