using System.Net;
using System.Text.Json.Nodes;
using Connectors.Testing;

namespace Connectors.EndToEnd.Tests;

/// <summary>What the history tells, against what happened: calls through the whole system, each of which leaves traces of its own.</summary>
public sealed class HistoryTests
{
    private const int Callers = 8;

    [Theory]
    [InlineData("static")]
    [InlineData("function")]
    public async Task Every_calls_story_is_told_as_it_happened_and_pages_to_the_end_skip_and_repeat_nothing(string mode)
    {
        var count = Rounds.Of(400, 10_000);
        await using var pipeline = await Pipeline.StartAsync(
            (request, http) =>
            {
                http.Response.StatusCode = KindOf(Number(request)) switch
                {
                    Kind.Dead => 400,
                    Kind.Retried => request.Header("X-Attempt") == "1" ? 500 : 200,
                    _ => 200,
                };
                return Task.CompletedTask;
            },
            worker: new Dictionary<string, string> { ["scaling_mode"] = mode },
            callbacks: (request, http) =>
            {
                http.Response.StatusCode = Number(request) % 2 == 0 ? 204 : 410;
                return Task.CompletedTask;
            });

        // Half of them before the first page is read, the others while pages are.
        await CallAllAsync(pipeline, 0, count / 2);
        await Eventually.HoldsAsync(async () => (await ReadAllAsync(pipeline)).Count == count / 2, "the first half has ended and can be found");
        var rest = CallAllAsync(pipeline, count / 2, count);
        var during = await ReadAllAsync(pipeline, limit: 37);
        await rest;
        await Eventually.HoldsAsync(async () => (await ReadAllAsync(pipeline)).Count == count, "all have ended and can be found");

        Assert.Equal(during.Count, during.Select(Id).Distinct().Count());
        Assert.Equal(Enumerable.Range(0, count / 2), during.Select(Id).Where(i => i < count / 2).Order());
        var all = await ReadAllAsync(pipeline);
        Assert.Equal(Enumerable.Range(0, count), all.Select(Id).Order());
        Assert.All(all, item => Assert.Equal(KindOf(Id(item)) == Kind.Dead ? "dead" : "succeeded", (string)item["state"]!));
        Assert.Equal(Enumerable.Range(0, count).Where(i => KindOf(i) == Kind.Dead), (await ReadAllAsync(pipeline, "state=dead")).Select(Id).Order());
        Assert.Equal(Enumerable.Range(0, count).Where(i => i % 7 == 3), (await ReadAllAsync(pipeline, "tag=mod:3")).Select(Id).Order());
        for (var i = 0; i < count; i += Math.Max(1, count / 200))
        {
            await CheckAsync(pipeline, i);
        }
    }

    private static async Task CheckAsync(Pipeline pipeline, int i)
    {
        JsonNode? call = null;
        await Eventually.HoldsAsync(
            async () => (call = Assert.Single((await pipeline.SystemAsync(HttpMethod.Get, $"calls/h-{i}"))!["calls"]!.AsArray())!)["callback"] is not { } callback || (string)callback["state"]! != "due",
            () => $"the callback of {i} is told: {call}");
        int[] statuses = KindOf(i) switch { Kind.Dead => [400], Kind.Retried => [500, 200], _ => [200] };
        Assert.Equal(statuses, call!["sends"]!.AsArray().Select(send => (int)send!["status"]!));
        Assert.Equal((statuses.Length, statuses[^1], 1, "work.openfaas-fn"), ((int)call["attempts"]!, (int)call["status"]!, (int)call["size"]!, (string)call["function"]!));
        Assert.Equal([$"mod:{i % 7}", "all"], call["tags"]!.AsArray().Select(tag => (string)tag!));
        var callback = call["callback"];
        Assert.Equal(KindOf(i) == Kind.Told ? (i % 2 == 0 ? "delivered 204" : "refused 410") : "", callback is null ? "" : $"{callback["state"]} {callback["status"]}");
    }

    private static async Task CallAllAsync(Pipeline pipeline, int from, int to)
    {
        var next = from - 1;
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(async _ =>
        {
            for (int i; (i = Interlocked.Increment(ref next)) < to;)
            {
                (string, string)[] headers = [("X-Call-Id", $"h-{i}"), ("X-Call-Tags", $"mod:{i % 7},all")];
                using var answer = await pipeline.CallAsync(
                    "work", [1], KindOf(i) == Kind.Told ? [.. headers, ("X-Callback-Url", new Uri(pipeline.Callbacks.Url, $"h-{i}").ToString())] : headers);
                Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
            }
        }));
    }

    private static async Task<List<JsonNode>> ReadAllAsync(Pipeline pipeline, string query = "", int limit = 1000)
    {
        var items = new List<JsonNode>();
        for (string? next = ""; next is not null;)
        {
            var page = (await pipeline.SystemAsync(HttpMethod.Get, $"calls?limit={limit}&after={next}&{query}"))!;
            items.AddRange(page["items"]!.AsArray().Select(item => item!));
            next = (string?)page["next"];
        }

        return items;
    }

    private static int Id(JsonNode item) => int.Parse(((string)item["callId"]!)[2..]);

    private static int Number(RecordedRequest request) => int.Parse(request.CallId![2..]);

    private static Kind KindOf(int i) => (i % 10) switch { 0 => Kind.Dead, 1 => Kind.Retried, 2 or 5 => Kind.Told, _ => Kind.Plain };

    private enum Kind
    {
        Plain,
        Dead,
        Retried,
        Told,
    }
}
