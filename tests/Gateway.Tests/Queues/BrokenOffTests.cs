using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Connectors.Testing;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>What operators change in the queues while they, the gateway or NATS go: what was begun is done or not done, and told as it is.</summary>
public sealed partial class BrokenOffTests : IAsyncLifetime
{
    private const int Letters = 40;
    private const int Deleted = 19;

    private readonly CancellationTokenSource _leave = new();
    private ProxiedGateway _system = null!;
    private DeadLetterSeed _seed = null!;

    public async ValueTask InitializeAsync()
    {
        _system = await ProxiedGateway.StartAsync();
        _seed = await new DeadLetterSeed(_system.Stored.JetStream, "left").CreateAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _leave.Dispose();
        await _system.DisposeAsync();
    }

    [Theory]
    [InlineData("redrive", "", "Dead letter put back")]
    [InlineData("edit", """{"body":"another"}""", "Dead letter edited and put back")]
    public async Task R14_a_redrive_whose_caller_leaves_removes_its_letter_and_is_told(string what, string body, string told)
    {
        await _seed.DeadAsync(DeadLetterSeed.Call());
        var held = _system.Proxy.Hold("PUB left.call.");

        var asked = AskAsync(HttpMethod.Post, $"/dead/1/{what}", body);
        await held.Reached;
        await LeaveAsync(asked);
        held.Release();

        await LineAsync(told);
        Assert.EndsWith("\"status\":202,\"count\":1}", await LineAsync(" Act "), StringComparison.Ordinal);
        Assert.Equal((1, 0), (await _seed.CountAsync("OF_left"), await _seed.CountAsync("OF_left_DEAD")));
    }

    [Fact]
    public async Task R15_a_job_whose_gateway_stops_notes_what_it_has_put_back()
    {
        await _seed.DeadAsync(3, _ => DeadLetterSeed.Call());
        var held = _system.Proxy.Hold("PUB left.call.");
        var id = await BeginAsync(new { ratePerSecond = 1 });
        await held.Reached;

        var ended = _system.Gateway.Process.TerminateAsync();
        await Eventually.HoldsAsync(async () => await IsRefusedAsync(), "the listener is closed");
        held.Release();

        Assert.Equal(0, await ended);
        Assert.Equal(3, await _seed.CountAsync("OF_left") + await _seed.CountAsync("OF_left_DEAD"));
        await _system.Gateway.Process.StartAgainAsync();
        Assert.Equal(("done", 3), await EndAsync(id));
    }

    [Fact]
    public async Task An_act_says_how_many_letters_are_gone_when_nats_answers_no_more()
    {
        await _seed.DeadAsync(Letters, _ => DeadLetterSeed.Call());
        var held = _system.Proxy.Hold("$JS.API.STREAM.MSG.DELETE.OF_left_DEAD", passing: Deleted);

        using var answer = await AskAsync(HttpMethod.Delete, "/dead?all=true");
        _system.Proxy.Cut();
        held.Release();

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.EndsWith($"\"status\":503,\"count\":{Deleted}}}", await LineAsync(" Act "), StringComparison.Ordinal);
        Assert.Equal(Letters - Deleted, await _seed.CountAsync("OF_left_DEAD"));
    }

    [Fact]
    public async Task An_act_says_how_many_letters_are_gone_when_whoever_asked_left()
    {
        await _seed.DeadAsync(Letters, _ => DeadLetterSeed.Call());
        var held = _system.Proxy.Hold("$JS.API.STREAM.MSG.DELETE.OF_left_DEAD", passing: Deleted);

        var asked = AskAsync(HttpMethod.Delete, "/dead?all=true");
        await held.Reached;
        await LeaveAsync(asked);
        held.Release();

        var told = Count().Match(await LineAsync(" Act ")).Groups[1].Value;
        Assert.Equal(Letters - await _seed.CountAsync("OF_left_DEAD"), long.Parse(told, CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task A_redrive_of_many_that_is_503_has_begun_no_job()
    {
        await _seed.DeadAsync(DeadLetterSeed.Call());

        // The gateway makes the jobs' bucket at its first look at them, which nothing waits for.
        await Eventually.HoldsAsync(async () => await _seed.CountAsync("KV_OF_redrives") == 0, "the jobs can be counted");
        var held = _system.Proxy.Hold("\"subjects_filter\":\"left.dead.");

        using var answer = await AskAsync(HttpMethod.Post, "/redrives", "{}");
        _system.Proxy.Cut();
        held.Release();

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal(0, await _seed.CountAsync("KV_OF_redrives"));
    }

    [Fact]
    public async Task Letters_that_are_lost_on_their_way_are_not_passed_over()
    {
        await _seed.DeadAsync(3, _ => DeadLetterSeed.Call());
        _system.Proxy.LoseDeliveries("OF_left_DEAD", 1);

        using var answer = await AskAsync(HttpMethod.Get, "/dead");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Contains("lost on their way", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(3, (await _system.Gateway.SystemJsonAsync("queues/left/dead"))["items"]!.AsArray().Count);
    }

    [Fact]
    public async Task R15_a_job_puts_back_what_was_lost_on_its_way_when_it_was_read_first()
    {
        await _seed.DeadAsync(3, _ => DeadLetterSeed.Call());
        _system.Proxy.LoseDeliveries("OF_left_DEAD", 1);

        Assert.Equal(("done", 3), await EndAsync(await BeginAsync(new { })));
        Assert.Equal((3, 0), (await _seed.CountAsync("OF_left"), await _seed.CountAsync("OF_left_DEAD")));
    }

    [Theory]
    [InlineData("GET", "/dead", 3)]
    [InlineData("GET", "/dead/count?reason=exhausted", 3)]
    [InlineData("GET", "/dead/count?reason=exhausted", 2)]
    [InlineData("DELETE", "/dead?all=true", 3)]
    public async Task That_no_letter_is_left_is_not_believed_of_a_server_that_lags(string method, string path, int unknown)
    {
        await _seed.DeadAsync(3, _ => DeadLetterSeed.Call());
        _system.Proxy.LagBehind("OF_left_DEAD", unknown);

        using var answer = await AskAsync(new HttpMethod(method), path);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal(3, await _seed.CountAsync("OF_left_DEAD"));
        _system.Proxy.LagBehind("OF_left_DEAD", 0);
        using var again = await AskAsync(new HttpMethod(method), path);
        Assert.Equal(HttpStatusCode.OK, again.StatusCode);
    }

    [Fact]
    public async Task A_page_that_a_server_lags_at_the_end_of_is_not_the_last()
    {
        await _seed.DeadAsync(3, _ => DeadLetterSeed.Call());
        _system.Proxy.LagBehind("OF_left_DEAD", 1);

        using var answer = await AskAsync(HttpMethod.Get, "/dead");

        var page = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
        Assert.Equal((2, 2), (page["items"]!.AsArray().Count, (int)page["next"]!));
        _system.Proxy.LagBehind("OF_left_DEAD", 0);
        using var rest = await AskAsync(HttpMethod.Get, "/dead?after=2");
        var last = JsonNode.Parse(await rest.Content.ReadAsStringAsync())!;
        Assert.Equal((1, null), (last["items"]!.AsArray().Count, last["next"]));
    }

    [Fact]
    public async Task A_letter_is_found_by_its_number_though_the_server_of_its_readers_lags()
    {
        await _seed.DeadAsync(DeadLetterSeed.Call(), [1, 2]);
        _system.Proxy.LagBehind("OF_left_DEAD", 1);

        using var found = await AskAsync(HttpMethod.Get, "/dead/1");
        using var missing = await AskAsync(HttpMethod.Get, "/dead/2");

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.NotFound), (found.StatusCode, missing.StatusCode));
        Assert.Equal([1, 2], await found.Content.ReadAsByteArrayAsync());
        Assert.Equal("exhausted", found.Headers.GetValues("X-Dead-Reason").Single());
    }

    [Fact]
    public async Task R15_a_job_does_not_end_where_a_server_that_lags_has_no_more()
    {
        await _seed.DeadAsync(3, _ => DeadLetterSeed.Call());
        _system.Proxy.LagBehind("OF_left_DEAD", 3);

        var id = await BeginAsync(new { });
        await Eventually.HoldsAsync(async () => (int)(await JobAsync(id))["failures"]! > 0, "it has found that letters are missing");
        _system.Proxy.LagBehind("OF_left_DEAD", 0);

        Assert.Equal(("done", 3), await EndAsync(id));
    }

    private async Task<string> BeginAsync(object asked) =>
        JsonNode.Parse(await _system.Gateway.SystemAsync(HttpMethod.Post, "queues/left/redrives", asked, HttpStatusCode.Accepted))!["id"]!.ToString();

    private async Task<(string State, int Redriven)> EndAsync(string id)
    {
        var job = await Eventually.GetAsync(async () => await JobAsync(id) is var job && job["state"]!.ToString() != "running" ? job : null, "the job ends");
        return (job["state"]!.ToString(), (int)job["redriven"]!);
    }

    private Task<JsonNode> JobAsync(string id) => _system.Gateway.SystemJsonAsync($"queues/left/redrives/{id}");

    private async Task<HttpResponseMessage> AskAsync(HttpMethod method, string path, string body = "")
    {
        using var request = new HttpRequestMessage(method, new Uri(_system.Gateway.Api, "/system/queues/left" + path));
        request.Content = body.Length > 0 ? new StringContent(body, Encoding.UTF8, "application/json") : null;
        request.Headers.TryAddWithoutValidation("Authorization", TestGateway.Admin);
        return await _system.Gateway.Http.SendAsync(request, _leave.Token);
    }

    // Nothing shows that the gateway has noticed. What others ask afterwards it hears of later, so a few answers are enough; and many could take longer than a
    // deletion that is held may take.
    private async Task LeaveAsync(Task asked)
    {
        await _leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);
        for (var i = 0; i < 5; i++)
        {
            await _system.Gateway.SystemAsync(HttpMethod.Get, "info");
        }
    }

    private Task<string> LineAsync(string part) => _system.Gateway.Process.Process.LineAsync(line => line.Contains(part, StringComparison.Ordinal) && line.Contains("left", StringComparison.Ordinal), part);

    private async Task<bool> IsRefusedAsync()
    {
        try
        {
            using var answer = await _system.Gateway.Http.GetAsync(_system.Gateway.Api);
            return false;
        }
        catch (HttpRequestException)
        {
            return true;
        }
    }

    [GeneratedRegex("\"count\":([0-9]+)}$")]
    private static partial Regex Count();
}
