using System.Text;
using Connectors.Testing;
using Microsoft.Playwright;

namespace Connectors.Page.Tests;

/// <summary>A dead letter's body in a form: of what was not edited not a byte is changed.</summary>
[Collection(PageSystem.SharedQueue)]
public sealed class EditedLetterTests(PageSystem site) : SharedQueueTests(site)
{
    private const string Mixed = "mixed\r\nfirst\nsecond\rthird";

    [Fact]
    public async Task An_edited_body_keeps_its_line_ends_and_its_byte_order_mark()
    {
        const string Body = "\uFEFF--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nold\r\n--b--\r\n";
        var page = await OpenLetterAsync(Body);
        Assert.Equal(0, await page.GetByText("line ends").CountAsync());

        await EditAsync(page, "old", "new");

        await ReceivesAsync(Body.Replace("old", "new", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Before_line_ends_of_several_kinds_become_one_it_is_told()
    {
        var page = await OpenLetterAsync(Mixed);
        await page.GetByText("line ends").WaitForAsync();

        await EditAsync(page, "third", "last");

        await ReceivesAsync("mixed\nfirst\nsecond\nlast");
    }

    [Fact]
    public async Task A_body_that_was_left_alone_is_sent_as_it_was()
    {
        var page = await OpenLetterAsync(Mixed);

        await page.Locator("details").GetByLabel("Headers to set").FillAsync("X-Edited: alone");
        await SendAsync(page);

        await Site.Function.ReceivesAsync(1, request => request.Header("X-Edited") == "alone");
        Assert.Equal(Mixed, Site.Function.Requests.Single(request => request.Header("X-Edited") == "alone").Text);
    }

    [Fact]
    public async Task An_edit_that_came_after_a_redrive_whose_answer_was_lost_is_told_as_dropped()
    {
        var page = await OpenLetterAsync("as it was");
        await page.RouteAsync("**/edit", route => route.FulfillAsync(new() { Status = 202, Headers = new Dictionary<string, string> { ["X-Duplicate"] = "true" } }));

        await EditAsync(page, "was", "is to be");

        await page.Locator("#say", new() { HasText = "was dropped" }).WaitForAsync();
        Assert.Equal(0, await page.GetByText("1 edited letter redriven.").CountAsync());
        await Site.ApiAsync(HttpMethod.Delete, "/system/queues/faas-request/dead?all=true");
    }

    private async Task<IPage> OpenLetterAsync(string body)
    {
        var id = Guid.NewGuid().ToString();
        Site.IsBroken = true;
        await Site.CallAsync("broken", Encoding.UTF8.GetBytes(body), "text/plain", ("X-Call-Id", id));
        var letter = await Eventually.GetAsync(
            async () => (await Site.ApiAsync(HttpMethod.Get, "/system/queues/faas-request/dead?limit=1000"))?["items"]!.AsArray().FirstOrDefault(item => (string)item!["callId"]! == id), "the call is a dead letter");
        Site.IsBroken = false;
        var page = await OpenAsync($"/ui/dead?queue=faas-request&seq={letter["seq"]}");
        await page.GetByText("Edit and redrive").ClickAsync();
        return page;
    }

    private static async Task EditAsync(IPage page, string old, string changed)
    {
        var field = page.Locator("details").GetByLabel("Body");
        await field.FillAsync((await field.InputValueAsync()).Replace(old, changed, StringComparison.Ordinal));
        await SendAsync(page);
    }

    private static Task SendAsync(IPage page) => page.GetByRole(AriaRole.Button, new() { Name = "Redrive 1 edited letter" }).ClickAsync();

    private async Task ReceivesAsync(string body)
    {
        var expected = Encoding.UTF8.GetBytes(body);
        await Eventually.HoldsAsync(
            () => Site.Function.Requests.Any(request => request.Body.SequenceEqual(expected)), () => $"{Convert.ToHexString(expected)} is received; last {Convert.ToHexString(Site.Function.Requests.Last().Body)}", TimeSpan.FromMinutes(1));
    }
}
