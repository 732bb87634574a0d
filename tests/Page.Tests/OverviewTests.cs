using Connectors.Testing;
using Microsoft.Playwright;

namespace Connectors.Page.Tests;

/// <summary>The overview: the queues as the API tells of them, and what is paused.</summary>
[Collection(PageSystem.SharedQueue)]
public sealed class OverviewTests(PageSystem site) : SharedQueueTests(site)
{
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
}
