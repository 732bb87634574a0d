using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Connectors.Testing;
using Microsoft.Playwright;

namespace Connectors.Page.Tests;

/// <summary>A function's view: found, invoked, paused and resumed.</summary>
[Collection(PageSystem.SharedQueue)]
public sealed class FunctionViewTests(PageSystem site) : SharedQueueTests(site)
{
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
    public async Task How_many_functions_there_are_and_their_pages_follow_what_is_deployed_and_removed()
    {
        // Without NATS: beside the first gateway it would take over redrives of other tests, and end with them.
        await using var gateway = await Site.StartGatewayAsync([.. Enumerable.Range(0, 95).Select(i => $"f{i:D2}")], ("faas_nats_address", ""));
        using var api = new HttpClient(new SocketsHttpHandler());
        api.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String(Encoding.ASCII.GetBytes($"{PageSystem.Operator}:{PageSystem.Password}")));
        var page = await OpenAsync("/ui/functions", gateway: gateway.Api);
        await page.GetByText("99 functions", new() { Exact = true }).WaitForAsync();
        Assert.Equal(0, await page.GetByRole(AriaRole.Link, new() { Name = "Next page" }).CountAsync());

        await ChangeAsync(HttpMethod.Post, name => new { service = name, image = "test/more", envVars = new { upstream_url = Site.Function.Url } });
        await page.GetByText("101 functions", new() { Exact = true }).WaitForAsync();
        await page.GetByText("1 to 100 of 101", new() { Exact = true }).WaitForAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Next page" }).ClickAsync();
        await page.GetByText("101 to 101 of 101", new() { Exact = true }).WaitForAsync();

        await ChangeAsync(HttpMethod.Delete, name => new { functionName = name });
        await page.GetByText("No function is left on this page.").WaitForAsync();
        await page.GetByText("99 functions", new() { Exact = true }).WaitForAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "First page" }).ClickAsync();
        await page.Locator("[data-function='f00.openfaas-fn']").WaitForAsync();
        Assert.Equal((99, 0), (await page.Locator("[data-function]").CountAsync(), await page.GetByText(" of 99").CountAsync()));

        async Task ChangeAsync(HttpMethod method, Func<string, object> body)
        {
            foreach (var name in new[] { "more", "most" })
            {
                using var request = new HttpRequestMessage(method, new Uri(gateway.Api, "/system/functions")) { Content = JsonContent.Create(body(name)) };
                (await api.SendAsync(request)).EnsureSuccessStatusCode();
            }
        }
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
}
