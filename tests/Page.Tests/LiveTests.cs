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
