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
    [InlineData("page-story-late", "/system/calls/")]
    [InlineData("page-result-late", "/async-function/")]
    public async Task What_does_not_come_of_a_call_is_told_and_asked_for_again_and_what_came_stays(string id, string path)
    {
        await Site.CallAsync("idle", "x"u8.ToArray(), "text/plain", ("X-Call-Id", id));
        var page = await OpenAsync();
        await page.RouteAsync($"**{path}{id}", RefuseAsync);

        await page.GotoAsync(new Uri(Site.Url, $"/ui/calls?id={id}").AbsoluteUri);
        await page.Locator("main [role=alert]", new() { HasText = "The queue does not answer." }).WaitForAsync();
        Assert.Equal(0, await page.GetByText("not kept").CountAsync());
        await page.UnrouteAsync($"**{path}{id}");
        await page.Locator("[data-story]").WaitForAsync();
        await page.RouteAsync($"**{path}{id}", RefuseAsync);

        await page.Locator("#say", new() { HasText = "The queue does not answer." }).WaitForAsync();
        Assert.Equal(1, await page.Locator("[data-story]").CountAsync());
        Assert.Equal(0, await page.Locator("main [role=alert]").CountAsync());

        static Task RefuseAsync(IRoute route) => route.FulfillAsync(new() { Status = 503, ContentType = "text/plain", Body = "The queue does not answer." });
    }

    [Fact]
    public async Task While_the_queues_are_not_known_it_is_told_why_and_no_view_says_that_there_are_none()
    {
        const string Error = "NATS does not answer: these figures are old.";
        var page = await OpenAsync();
        await page.RouteAsync("**/system/overview", route => route.FulfillAsync(new() { ContentType = "application/json", Body = $$"""{"at":null,"error":"{{Error}}","queues":[]}""" }));
        await page.RouteAsync("**/system/overview/events", route => route.FulfillAsync(new() { Status = 503, ContentType = "text/plain", Body = "Too many follow." }));

        foreach (var view in new[] { "overview", "dead" })
        {
            await page.GotoAsync(new Uri(Site.Url, $"/ui/{view}").AbsoluteUri);
            await page.Locator("main .note", new() { HasText = Error }).WaitForAsync();
            Assert.Equal(0, await page.GetByText("No queue yet").CountAsync());
        }

        await page.UnrouteAsync("**/system/overview");
        await page.UnrouteAsync("**/system/overview/events");
        await page.Locator("main select[name=queue]").WaitForAsync();
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
