using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Connectors.Testing;
using Microsoft.Playwright;

namespace Connectors.Page.Tests;

/// <summary>Logging in, and what a viewer finds.</summary>
[Collection(PageSystem.SharedQueue)]
public sealed partial class LoginTests(PageSystem site) : SharedQueueTests(site)
{
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

    [GeneratedRegex("redrive|delete|invoke|cancel|edit|pause|resume|run", RegexOptions.IgnoreCase)]
    private static partial Regex ActWords();
}
