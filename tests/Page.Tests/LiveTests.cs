using System.Text.RegularExpressions;
using Connectors.Testing;
using Microsoft.Playwright;

namespace Connectors.Page.Tests;

/// <summary>Figures where the stream of them does not come: a proxy keeps it back, or the gateway takes no more listeners.</summary>
[Collection(PageSystem.SharedQueue)]
public sealed partial class LiveTests(PageSystem site) : SharedQueueTests(site)
{
    private const string Events = "**/system/overview/events";
    private const string Overview = "**/system/overview";

    [Fact]
    public async Task They_follow_all_the_same_one_by_one()
    {
        var page = await OpenWithoutEventsAsync();
        var shown = new HashSet<string?>();

        await Eventually.HoldsAsync(
            async () =>
            {
                shown.Add(await page.Locator("#at").TextContentAsync());
                return shown.Count >= 3;
            },
            () => $"figures of three times are shown, not of {string.Join(", ", shown)} alone");

        Assert.Equal("Live", await page.Locator("#pause").TextContentAsync());
    }

    [Fact]
    public async Task Where_none_come_at_all_they_are_not_called_live_and_their_time_is_told()
    {
        var page = await OpenWithoutEventsAsync();
        await page.RouteAsync(Overview, route => route.AbortAsync());
        var pause = page.Locator("#pause");

        await Eventually.HoldsAsync(async () => NotLive().IsMatch(await pause.TextContentAsync() ?? ""), "it says that they stand still, and since when");
        await page.UnrouteAsync(Overview);
        await Eventually.HoldsAsync(async () => await pause.TextContentAsync() == "Live", "they follow again");

        await page.Keyboard.PressAsync("p");
        await Eventually.HoldsAsync(async () => await pause.TextContentAsync() == "Paused", "it stands still because it is told to");
    }

    // One of whose streams a server of the cluster is away, since before the gateway started; and one that was seen before.
    [Fact]
    public async Task What_nobody_tells_of_a_queue_is_a_dash_or_old_and_no_zero()
    {
        const string Told = """
            {"at":"2026-11-28T09:00:00Z","error":null,"queues":[
              {"name":"dark","error":"NATS tells nothing of OF_dark: what is known of it is old.","waiting":null,"running":0,"retrying":0,"delayed":null,"held":null,"callbacks":null,"dead":null,"bytes":null,
               "oldestAt":null,"inPerSecond":null,"outPerSecond":null,"workers":0,"mode":null,"paused":null,"heldFunctions":0,"holds":[]},
              {"name":"lit","error":null,"waiting":2,"running":0,"retrying":0,"delayed":0,"held":0,"callbacks":0,"dead":3,"bytes":9,
               "oldestAt":null,"inPerSecond":0,"outPerSecond":0,"workers":1,"mode":"static","paused":null,"heldFunctions":0,"holds":[]}]}
            """;
        var page = await OpenWithoutEventsAsync();
        await page.RouteAsync(Overview, route => route.FulfillAsync(new() { ContentType = "application/json", Body = Told }));

        var dark = page.Locator("tr[data-queue=dark]");
        await dark.WaitForAsync();

        Assert.Equal("dark old", await dark.Locator("th").TextContentAsync());
        Assert.Equal(["–", "0", "0", "–", "–", "–", "–", "–", "–", "–", "0"], (await dark.Locator("td").AllTextContentsAsync()).Take(11));
        Assert.Equal("≥ 2", await page.Locator("[data-sum=waiting]").TextContentAsync());
        Assert.Contains("OF_dark", await page.Locator("[role=alert]").First.TextContentAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task How_old_a_call_is_goes_by_the_clock_of_the_gateway_that_tells_it()
    {
        const string Told = """
            {"at":"2020-01-03T12:00:00Z","error":null,"queues":[
              {"name":"lit","error":null,"waiting":1,"running":0,"retrying":0,"delayed":0,"held":0,"callbacks":0,"dead":0,"bytes":9,
               "oldestAt":"2020-01-01T00:00:00Z","inPerSecond":0,"outPerSecond":0,"workers":1,"mode":"static","paused":null,"heldFunctions":0,"holds":[]}]}
            """;
        var page = await OpenWithoutEventsAsync();
        await page.RouteAsync(Overview, route => route.FulfillAsync(new() { ContentType = "application/json", Body = Told }));

        await ShowsAsync(page.Locator("tr[data-queue=lit] td").Nth(5), () => Task.FromResult<string?>("2 d"));
    }

    private async Task<IPage> OpenWithoutEventsAsync()
    {
        var page = await OpenAsync();
        await page.RouteAsync(Events, route => route.FulfillAsync(new() { Status = 503, ContentType = "text/plain", Body = "Too many follow." }));
        await page.ReloadAsync();
        await page.Locator("[data-queue]").First.WaitForAsync();
        return page;
    }

    [GeneratedRegex(@"^Not live since \d\d:\d\d:\d\d\z")]
    private static partial Regex NotLive();
}
