using System.Net;
using Connectors.Testing;
using Microsoft.Playwright;

namespace Connectors.Page.Tests;

/// <summary>Views whose script or whose figures do not come, and a call's result with a status that means something to a browser.</summary>
[Collection(PageSystem.SharedQueue)]
public sealed class ViewTests(PageSystem site) : SharedQueueTests(site)
{
    [Theory]
    [InlineData("**/ui/functions.js")]
    [InlineData("**/system/overview/functions?*")]
    public async Task A_view_that_cannot_be_loaded_says_so_in_place_of_the_one_before(string missing)
    {
        var page = await OpenAsync();
        await page.Locator("[data-queue]").First.WaitForAsync();
        await page.RouteAsync(missing, route => route.AbortAsync());

        await page.GetByRole(AriaRole.Link, new() { Name = "Functions" }).ClickAsync();

        await page.Locator("main [role=alert]").WaitForAsync();
        await page.GetByRole(AriaRole.Heading, new() { Name = "Functions" }).WaitForAsync();
        Assert.Equal(0, await page.Locator("main [data-queue]").CountAsync());
        await page.UnrouteAsync(missing);
        await page.GetByRole(AriaRole.Button, new() { Name = "Try again" }).ClickAsync();
        await page.Locator("[data-function]").First.WaitForAsync();
    }

    [Theory]
    [InlineData(302)]
    [InlineData(202)]
    public async Task A_result_is_shown_whatever_its_status_means_to_a_browser(int status)
    {
        var id = $"page-result-{status}";
        await Site.CallAsync(
            "work", "x"u8.ToArray(), "text/plain", ("X-Call-Id", id), ("X-Store-Result", "1h"), ("X-Answer-Status", $"{status}"), ("X-Answer", "Location: /ui/elsewhere"));
        await Eventually.HoldsAsync(
            async () =>
            {
                using var answer = await Site.SendAsync(HttpMethod.Get, $"/async-function/{id}", null);
                return answer.Headers.Contains("X-Function-Status");
            },
            "its result is kept");
        var page = await OpenAsync($"/ui/calls?id={id}");

        var result = page.Locator("[aria-label=Result]");
        await result.Locator("#body-text", new() { HasText = "done" }).WaitForAsync();
        Assert.Equal(["State", "Status"], await result.Locator("dt").AllTextContentsAsync());
        Assert.Equal($"{status}", await result.Locator("dd").Last.TextContentAsync());
    }
}
