using System.Diagnostics;
using System.Globalization;
using Connectors.Gateway.Tests.History;
using Connectors.Testing;
using Microsoft.Playwright;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Connectors.Page.Tests;

/// <summary>
/// The page where there is much: <c>CONNECTORS_PAGE_FUNCTIONS=10000 CONNECTORS_PAGE_CALLS=1000000</c> for as much, less in a usual run. However much there is, a view
/// has no more than it can bear. The times that views took are told, not judged.
/// </summary>
public sealed class LargePageTests(PageSystem site, ITestOutputHelper output) : WindowTests(site)
{
    private const int MaxElements = 6_000;

    private static readonly int Functions = Much("CONNECTORS_PAGE_FUNCTIONS", 1_000);
    private static readonly int Calls = Much("CONNECTORS_PAGE_CALLS", 20_000);

    [Fact]
    public async Task Every_view_stays_usable_with_many_functions_schedules_and_calls()
    {
        await using var nats = await NatsServer.StartAsync();
        var names = Enumerable.Range(0, Functions).Select(Name).ToList();
        await using var gateway = await Site.StartGatewayAsync(names, ("faas_nats_port", nats.Port.ToString(CultureInfo.InvariantCulture)));
        await using var cron = await Site.StartCronAsync(gateway.Api);
        await using var client = new NatsConnection(new NatsOpts { Url = nats.Url, ConnectTimeout = Eventually.Patience, RequestTimeout = Eventually.Patience, CommandTimeout = Eventually.Patience });
        var seed = await new HistorySeed(new NatsJSContext(client), "faas-request").CreateAsync();
        var start = TimeProvider.System.GetUtcNow().AddHours(-1);
        await seed.WriteManyAsync(Calls, i => HistorySeed.Call(Name(i % Functions), id: $"call-{i}", ended: start.AddMilliseconds(i % 3_000_000)));
        await Eventually.HoldsAsync(async () => await gateway.MetricAsync("gateway_history_indexed_calls{queue_name=\"faas-request\"}") == Calls, "all calls can be searched");
        var page = await OpenAsync("/ui/functions", gateway: gateway.Api);

        await LookAsync("functions", "/ui/functions", "[data-function]");
        Assert.Equal(100, await page.Locator("[data-function]").CountAsync());
        await page.GetByRole(AriaRole.Link, new() { Name = "Next page" }).ClickAsync();
        await page.GetByText("101 to 200 of").WaitForAsync();
        await LookAsync("functions by p99", "/ui/functions?sort=p99", "[data-function]");
        await LookAsync("functions by name", $"/ui/functions?filter={names[^1]}", $"[data-function='{names[^1]}.openfaas-fn']");
        Assert.Equal(1, await page.Locator("[data-function]").CountAsync());
        await Eventually.HoldsAsync(
            async () =>
            {
                await LookAsync("one function with its schedule", $"/ui/functions?name={names[^1]}.openfaas-fn", "form[aria-label=Invoke]");
                return await page.GetByText("-01-01 00:00:00 UTC").CountAsync() == 1;
            },
            "the last function's next due time is told");

        await LookAsync("calls", "/ui/calls", "[data-call]");
        Assert.Equal(100, await page.Locator("[data-call]").CountAsync());
        await page.GetByRole(AriaRole.Link, new() { Name = "Next page" }).ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "First page" }).WaitForAsync();
        Assert.Equal(100, await page.Locator("[data-call]").CountAsync());
        await LookAsync("calls of a function", $"/ui/calls?function={Name(7)}", "[data-call]");
        await LookAsync("one call", "/ui/calls?id=call-7", "[data-step=Ended]");

        await LookAsync("connectors", "/ui/connectors", "[data-connector=cron-connector] tbody tr td:nth-child(3)");
        await LookAsync("one schedule", $"/ui/connectors?filter={names[^1]}", $"th[title='{names[^1]}.openfaas-fn']");
        await LookAsync("overview", "/ui/overview", ".charts svg");

        async Task LookAsync(string what, string address, string settled)
        {
            var began = Stopwatch.GetTimestamp();
            await page.GotoAsync(new Uri(gateway.Api, address).AbsoluteUri);
            await page.Locator(settled).First.WaitForAsync();
            var elements = await page.Locator("*").CountAsync();
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(began).TotalMilliseconds,8:F0} ms {elements,6} elements  {what}"));
            Assert.InRange(elements, 1, MaxElements);
        }
    }

    private static string Name(int i) => $"f{i:D5}";

    private static int Much(string variable, int usual) => int.TryParse(Environment.GetEnvironmentVariable(variable), out var much) ? much : usual;
}
