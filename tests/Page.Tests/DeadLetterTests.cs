using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Connectors.Testing;
using Microsoft.Playwright;

namespace Connectors.Page.Tests;

/// <summary>Many dead letters at once: what is put back or deleted is what was counted, and a gateway that is away for a moment ends nothing.</summary>
[Collection(PageSystem.SharedQueue)]
public sealed class DeadLetterTests(PageSystem site) : SharedQueueTests(site)
{
    private const string Queue = "/system/queues/faas-request";

    private static readonly int Cases = int.Parse(Environment.GetEnvironmentVariable("GENERATED_CASES") ?? "300", CultureInfo.InvariantCulture);
    private static readonly int Seed = int.Parse(Environment.GetEnvironmentVariable("CONNECTORS_SEED") ?? "1", CultureInfo.InvariantCulture);

    [Theory]
    [InlineData("?all=true")]
    [InlineData("1/../?all=true")]
    [InlineData("count?reason=failed")]
    [InlineData("0")]
    public async Task Of_an_address_a_number_is_taken_for_a_letter_and_nothing_else(string seq)
    {
        await EmptyAsync();
        await Site.DeadAsync("kept"u8.ToArray());
        var page = await OpenAsync();
        var asked = new ConcurrentQueue<string>();
        page.Request += (_, request) => asked.Enqueue(request.Url);

        await page.GotoAsync(new Uri(Site.Url, $"/ui/dead?queue=faas-request&seq={Uri.EscapeDataString(seq)}").AbsoluteUri);
        await page.Locator("tbody input").WaitForAsync();

        Assert.Empty(await page.Locator(".detail").AllAsync());
        Assert.DoesNotContain(asked, url => url.Contains("/dead/", StringComparison.Ordinal));
        await EmptyAsync();
    }

    [Theory]
    [InlineData("Delete")]
    [InlineData("Redrive")]
    public async Task Of_letters_that_ended_so_long_ago_those_that_were_counted_are_meant_and_none_that_has_come_of_age_since(string act)
    {
        const string Age = "5s";
        await EmptyAsync();
        await Site.DeadAsync("old"u8.ToArray(), "old, too"u8.ToArray());
        await Eventually.HoldsAsync(async () => await OfAgeAsync() == 2, "both are old enough");
        var page = await OpenAsync($"/ui/dead?queue=faas-request&until={Age}");
        var button = page.GetByRole(AriaRole.Button, new() { Name = $"{act} all matching" });
        await Eventually.HoldsAsync(async () => await button.IsEnabledAsync(), "the letters are listed");
        await Site.DeadAsync("young"u8.ToArray());

        var answer = await page.RunAndWaitForResponseAsync(() => button.ClickAsync(), "**/dead/count?*");
        var counted = (long)JsonNode.Parse(await answer.TextAsync())!["count"]!;
        await Eventually.HoldsAsync(async () => await OfAgeAsync() == 3, "the third is old enough by now");
        Site.IsBroken = false;
        await page.GetByRole(AriaRole.Button, new() { Name = $"{act} {counted}", Exact = true }).ClickAsync();

        var told = page.Locator("dialog [role=status]", new() { HasText = "– done" });
        await told.WaitForAsync();
        Assert.StartsWith($"{counted} of {counted} ", await told.TextContentAsync(), StringComparison.Ordinal);
        Assert.Equal(3 - counted, await Site.CountAsync("dead"));
        await EmptyAsync();

        async Task<long> OfAgeAsync() => (long)(await Site.ApiAsync(HttpMethod.Get, $"{Queue}/dead/count?until={Age}"))!["count"]!;
    }

    [Fact]
    public async Task A_letter_that_died_after_the_others_were_counted_is_not_redriven_with_them()
    {
        await EmptyAsync();
        await Site.DeadAsync("one"u8.ToArray(), "two"u8.ToArray());
        var page = await OpenAsync("/ui/dead?queue=faas-request");

        await page.GetByRole(AriaRole.Button, new() { Name = "Redrive all matching" }).ClickAsync();
        await page.GetByRole(AriaRole.Heading, new() { Name = "Redrive 2 letters?" }).WaitForAsync();
        await Site.DeadAsync("died meanwhile"u8.ToArray());
        Site.IsBroken = false;
        await page.GetByRole(AriaRole.Button, new() { Name = "Redrive 2", Exact = true }).ClickAsync();

        var told = page.Locator("dialog [role=status]", new() { HasText = "– done" });
        await told.WaitForAsync();
        Assert.Equal("2 of 2 redriven – done", await told.TextContentAsync());
        Assert.Equal(1, await Site.CountAsync("dead"));
        await EmptyAsync();
    }

    [Theory]
    [InlineData("Delete", "deleted")]
    [InlineData("Redrive", "redriven")]
    public async Task Where_the_gateway_did_not_count_to_the_end_all_that_match_are_meant_all_the_same(string act, string done)
    {
        await EmptyAsync();
        await Site.DeadAsync("one"u8.ToArray(), "two"u8.ToArray(), "three"u8.ToArray());
        var last = (await Site.ApiAsync(HttpMethod.Get, $"{Queue}/dead/count"))!["last"]!;
        var page = await OpenAsync("/ui/dead?queue=faas-request");
        await page.RouteAsync("**/dead/count*", route => route.FulfillAsync(new() { ContentType = "application/json", Body = $$"""{"count":2,"isComplete":false,"last":{{last}}}""" }));
        Site.IsBroken = false;

        await page.GetByRole(AriaRole.Button, new() { Name = $"{act} all matching" }).ClickAsync();
        await page.GetByRole(AriaRole.Heading, new() { Name = $"{act} at least 2 letters?" }).WaitForAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = $"{act} at least 2", Exact = true }).ClickAsync();

        var told = page.Locator("dialog [role=status]", new() { HasText = "– done" });
        await told.WaitForAsync();
        Assert.Equal($"3 of at least 3 {done} – done", await told.TextContentAsync());
        Assert.Equal(0, await Site.CountAsync("dead"));
        await EmptyAsync();
    }

    [Fact]
    public async Task A_redrive_is_followed_to_its_end_though_the_gateway_was_away_meanwhile()
    {
        await EmptyAsync();
        await Site.DeadAsync("one"u8.ToArray(), "two"u8.ToArray(), "three"u8.ToArray());
        var page = await OpenAsync("/ui/dead?queue=faas-request");
        var (isAway, looks, methods) = (true, 0, new ConcurrentQueue<string>());
        await page.RouteAsync("**/redrives/*", route =>
        {
            methods.Enqueue(route.Request.Method);
            return !Volatile.Read(ref isAway) ? route.ContinueAsync()
                : (Interlocked.Increment(ref looks) % 4) switch
                {
                    0 => route.AbortAsync(),
                    var status => route.FulfillAsync(new() { Status = 501 + status, Body = "no gateway" }),
                };
        });
        Site.IsBroken = false;

        await page.GetByRole(AriaRole.Button, new() { Name = "Redrive all matching" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Redrive 3", Exact = true }).ClickAsync();
        await page.Locator("dialog [role=status]", new() { HasText = "the gateway does not answer" }).WaitForAsync();
        await Eventually.HoldsAsync(() => Volatile.Read(ref looks) >= 4, "it is asked again after each kind of failure");
        Volatile.Write(ref isAway, false);

        await page.GetByText("3 of 3 redriven – done").WaitForAsync();
        Assert.DoesNotContain("DELETE", methods);
    }

    [Fact]
    public Task Closing_what_tells_of_a_redrive_that_cannot_be_followed_any_more_leaves_the_redrive_alone() => CloseWhileRedrivenAsync(
        route => route.Request.Method == "GET" ? route.FulfillAsync(new() { Status = 500, Body = "broken gateway" }) : route.ContinueAsync(),
        "broken gateway",
        page => page.Locator("dialog").GetByRole(AriaRole.Button, new() { Name = "Close" }).ClickAsync());

    [Fact]
    public Task Escape_closes_what_tells_of_a_redrive_and_leaves_the_redrive_alone() =>
        CloseWhileRedrivenAsync(route => route.ContinueAsync(), "of 3 redriven", page => page.Keyboard.PressAsync("Escape"));

    [Fact]
    public async Task A_filter_that_is_refused_is_told_why_and_nothing_of_the_view_before_is_left_to_act_on()
    {
        await Site.DeadAsync("one"u8.ToArray());
        var page = await OpenAsync("/ui/dead?queue=faas-request");
        await page.Locator("main tbody input").First.WaitForAsync();

        await page.GetByLabel("Ended since").FillAsync("yesterday");
        await page.Keyboard.PressAsync("Enter");

        await page.Locator("main .note", new() { HasText = "RFC 3339" }).WaitForAsync();
        Assert.Equal("yesterday", await page.GetByLabel("Ended since").InputValueAsync());
        Assert.Equal(0, await page.Locator("main tbody, main button:not(form button)").CountAsync());
        await page.GetByLabel("Ended since").FillAsync("1h");
        await page.Keyboard.PressAsync("Enter");
        await page.Locator("main tbody input").First.WaitForAsync();
        await EmptyAsync();
    }

    [Fact]
    public async Task A_body_of_JSON_is_indented_and_holds_what_was_sent()
    {
        const string Body = """{"id":9007199254740993,"price":1.10,"far":1e400,"2":"b","1":"a:[1, 2]","none":[ ],"id":-0}""";
        await EmptyAsync();
        await Site.DeadAsync(Encoding.UTF8.GetBytes(Body));
        var page = await OpenAsync("/ui/dead?queue=faas-request");
        await page.Locator("tbody th a").ClickAsync();

        await ShowsAsync(page.Locator("#body-text"), () => Task.FromResult<string?>(
            """
            {
              "id": 9007199254740993,
              "price": 1.10,
              "far": 1e400,
              "2": "b",
              "1": "a:[1, 2]",
              "none": [],
              "id": -0
            }
            """));
        var random = new Random(Seed);
        var texts = Enumerable.Range(0, Cases).Select(_ => GeneratedJson.Container(random)).ToArray();
        var shown = await page.EvaluateAsync<string[][]>(
            """
            async texts => {
              const { body } = await import('/ui/body.js');
              const left = new AbortController();
              const shown = text => {
                const node = body(new TextEncoder().encode(text), 'generated', left.signal);
                return node.querySelector('[aria-selected=true]').textContent === 'JSON' ? node.querySelector('pre').textContent : '';
              };
              const all = texts.map(text => [text, shown(text), JSON.stringify(JSON.parse(text), null, 2)]);
              left.abort();
              return all;
            }
            """,
            texts);

        Assert.Equal(Cases, shown.Length);
        Assert.All(shown, one => Assert.Equal(GeneratedJson.Bare(one[0]), GeneratedJson.Bare(one[1])));
        var kept = shown.Where(one => GeneratedJson.Bare(one[2]) == GeneratedJson.Bare(one[0])).ToList();
        Assert.NotEmpty(kept);
        Assert.All(kept, one => Assert.Equal(one[2], one[1]));
        await EmptyAsync();
    }

    // What was put back before has ended, too: it would die again.
    // The dialog closes once it shows the words, and the redrive comes to its end all the same.
    private async Task CloseWhileRedrivenAsync(Func<IRoute, Task> answer, string words, Func<IPage, Task> close)
    {
        await EmptyAsync();
        await Site.DeadAsync("one"u8.ToArray(), "two"u8.ToArray(), "three"u8.ToArray());
        var page = await OpenAsync("/ui/dead?queue=faas-request");
        var asked = new ConcurrentQueue<(string Method, string Path)>();
        await page.RouteAsync("**/redrives/*", route =>
        {
            asked.Enqueue((route.Request.Method, new Uri(route.Request.Url).AbsolutePath));
            return answer(route);
        });
        Site.IsBroken = false;

        await page.GetByLabel("Redrives per second at most").FillAsync("1");
        await page.GetByRole(AriaRole.Button, new() { Name = "Redrive all matching" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Redrive 3", Exact = true }).ClickAsync();
        await page.Locator("dialog [role=status]", new() { HasText = words }).WaitForAsync();
        await close(page);

        await page.Locator("dialog").WaitForAsync(new() { State = WaitForSelectorState.Detached });
        var job = await Eventually.GetAsync(async () => await Site.ApiAsync(HttpMethod.Get, asked.First().Path) is { } one && (string)one["state"]! != "running" ? one : null, "the redrive has ended");
        Assert.Equal(("done", 3), ((string)job["state"]!, (int)job["redriven"]!));
        Assert.All(asked, one => Assert.Equal("GET", one.Method));
    }

    private async Task EmptyAsync()
    {
        await Eventually.HoldsAsync(async () => await Site.CountAsync("calls") == 0, "all calls ended");
        await Site.ApiAsync(HttpMethod.Delete, $"{Queue}/dead?all=true");
    }
}
