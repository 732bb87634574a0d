using System.Diagnostics;
using System.Globalization;
using Connectors.Gateway.Enqueueing;
using Connectors.Streams.Records;
using Connectors.Testing;

namespace Connectors.Gateway.Tests.History;

/// <summary>Many ended calls: <c>HISTORY_CALLS=1000000</c> for as many, 20,000 in a usual run. The times that answers took are told, not judged.</summary>
public sealed class LargeHistoryTests(HistoryScene scene, ITestOutputHelper output) : IClassFixture<HistoryScene>
{
    private const int Functions = 50;

    [Fact]
    public async Task Any_call_is_found_by_its_id_the_last_failures_of_a_function_by_a_page_and_all_by_pages_while_calls_go_on_ending()
    {
        var count = int.TryParse(Environment.GetEnvironmentVariable("HISTORY_CALLS"), out var many) ? many : Rounds.Of(20_000, 200_000);
        var seed = await scene.SeedAsync();
        var start = TimeProvider.System.GetUtcNow().AddHours(-1);
        var ids = Enumerable.Range(0, count).Select(i => FreshId.Next(start.AddMilliseconds(i))).ToArray();
        await seed.WriteManyAsync(count, i => HistorySeed.Call($"f{i % Functions}", StateOf(i), ids[i], start.AddMilliseconds(i), i % 1000 == 7 ? [$"batch:{i / 1000}"] : []));
        await Eventually.HoldsAsync(async () => await scene.Gateway.Process.MetricAsync($"gateway_history_indexed_calls{{queue_name=\"{seed.Queue}\"}}") == count, "all can be searched");

        var lastFailures = Enumerable.Range(0, count).Where(i => i % Functions == 3 && StateOf(i) == EndStates.Dead).Reverse().Take(50).Select(i => ids[i]);
        Assert.Equal(lastFailures, await IdsAsync($"calls?queue={seed.Queue}&function=f3&state=dead&limit=50"));
        Assert.Equal(lastFailures.Skip(49), (await IdsAsync($"calls?queue={seed.Queue}&function=f3&state=dead&limit=50")).Skip(49));
        Assert.Equal([ids[7]], await IdsAsync($"calls?queue={seed.Queue}&tag=batch:0"));
        Assert.Empty(await IdsAsync($"calls?queue={seed.Queue}&function=f3&state=expired"));
        foreach (var i in new[] { 0, count / 3, count / 2, count - 1 })
        {
            var began = Stopwatch.GetTimestamp();
            var call = Assert.Single((await scene.Gateway.SystemJsonAsync($"calls/{ids[i]}"))["calls"]!.AsArray())!;
            Tell($"calls/{i}", began);
            Assert.Equal((StateOf(i), $"f{i % Functions}.openfaas-fn"), ((string)call["state"]!, (string)call["function"]!));
        }

        // The index holds a million: of as many, what ends meanwhile pushes the oldest out.
        if (count < 1_000_000)
        {
            var paged = await AllAsync(seed);
            Assert.Equal(paged.Count, paged.Distinct().Count());
            Assert.Empty(ids.Except(paged));
        }

        await using var fresh = await TestGateway.StartAsync(scene.Nats);
        var first = Stopwatch.GetTimestamp();
        await Eventually.HoldsAsync(async () => (await fresh.SystemJsonAsync($"calls/{ids[0]}"))["calls"]!.AsArray().Count == 1, "it finds the first");
        Tell("the first answer of a gateway that has just started", first);
    }

    // Page after page to the end, while calls end.
    private async Task<List<string>> AllAsync(HistorySeed seed)
    {
        using var stop = new CancellationTokenSource();
        var ending = EndMoreAsync(seed, stop.Token);
        var paged = new List<string>();
        var began = Stopwatch.GetTimestamp();
        for (var next = ""; next is not null;)
        {
            var page = await scene.Gateway.SystemJsonAsync($"calls?queue={seed.Queue}&limit=1000&after={next}");
            paged.AddRange(page["items"]!.AsArray().Select(item => (string)item!["callId"]!));
            next = (string?)page["next"];
        }

        await stop.CancelAsync();
        Tell($"{paged.Count} calls, page after page, while {await ending} ended", began);
        return paged;
    }

    private static async Task<int> EndMoreAsync(HistorySeed seed, CancellationToken stop)
    {
        var ended = 0;
        for (; !stop.IsCancellationRequested; ended++)
        {
            await seed.WriteAsync(HistorySeed.Call("late"));
        }

        return ended;
    }

    // As the gateway's own calls end: one in twenty dies.
    private static string StateOf(int i) => (i / Functions % 20) switch { 0 => EndStates.Dead, 1 => EndStates.Cancelled, _ => EndStates.Succeeded };

    private async Task<IEnumerable<string>> IdsAsync(string path)
    {
        var began = Stopwatch.GetTimestamp();
        var page = await scene.Gateway.SystemJsonAsync(path);
        Tell(path, began);
        return page["items"]!.AsArray().Select(item => (string)item!["callId"]!);
    }

    private void Tell(string what, long began) =>
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(began).TotalMilliseconds,8:F1} ms  {what}"));
}
