using System.Globalization;
using System.Net;
using Connectors.Gateway.Tests.Queues;
using Connectors.Streams.Records;
using Connectors.Testing;

namespace Connectors.Gateway.Tests.History;

/// <summary>Many queues, each with a history of its own: <c>HISTORY_QUEUES=1000</c> for as many.</summary>
public sealed class ManyHistoriesTests(HistoryScene scene) : IClassFixture<HistoryScene>
{
    // Longer addresses are refused by many of those that stand between.
    private const int MaxPlace = 2 * 1024;

    private const int OfEach = 7;
    private const long Room = 1024 * 1024;

    [Fact]
    public async Task A_page_of_very_many_queues_names_its_end_in_few_letters_and_the_pages_neither_skip_nor_repeat_at_either_gateway()
    {
        var queues = int.TryParse(Environment.GetEnvironmentVariable("HISTORY_QUEUES"), out var many) ? many : Rounds.Of(250, 1_000);
        var start = TimeProvider.System.GetUtcNow().AddMinutes(-10);
        var name = "m" + Guid.NewGuid().ToString("N")[..8];
        await Parallel.ForEachAsync(Enumerable.Range(0, queues), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (queue, _) =>
        {
            // As several workers write: not in the order of the ends.
            var seed = await new HistorySeed(scene.JetStream, $"{name}-{queue}").CreateAsync(Room);
            for (var batch = 0; batch < OfEach; batch++)
            {
                var line = batch * 3 % OfEach;
                await seed.WriteAsync(HistorySeed.Call(name, id: Id(queue, line), ended: start.AddMilliseconds(EndOf(queue, line))));
            }
        });
        await Eventually.HoldsAsync(async () => await IndexedAsync(scene.Gateway, name) == queues * OfEach, "all can be searched");
        await using var another = await TestGateway.StartAsync(scene.Nats);
        await Eventually.HoldsAsync(async () => await IndexedAsync(another, name) == queues * OfEach, "the other one has read all");

        var (ids, ends) = (new List<string>(), new List<string>());
        string? next = "";
        for (var page = 0; next is not null; page++)
        {
            var found = await (page % 2 == 0 ? scene.Gateway : another).SystemJsonAsync($"calls?function={name}&limit=113&after={next}");
            ids.AddRange(found["items"]!.AsArray().Select(item => (string)item!["callId"]!));
            ends.AddRange(found["items"]!.AsArray().Select(item => (string)item!["endedAt"]!));
            next = (string?)found["next"];
            Assert.InRange(next?.Length ?? 0, 0, MaxPlace);
        }

        Assert.Equal(from queue in Enumerable.Range(0, queues) from line in Enumerable.Range(0, OfEach) select Id(queue, line), ids.Order(StringComparer.Ordinal));
        Assert.Equal(ends.Select(Time).OrderDescending(), ends.Select(Time));

        static string Id(int queue, int line) => string.Create(CultureInfo.InvariantCulture, $"{queue:D4}-{line}");
        static int EndOf(int queue, int line) => (line * 1_000) + (queue / 2);
        static DateTimeOffset Time(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task A_call_that_has_ended_is_told_though_streams_where_it_may_be_again_cannot_be_looked_through()
    {
        // The server answers nobody who looks a message of theirs up.
        await using var nats = await NatsServer.StartAsync("""
            authorization { default_permissions { publish { deny: ["$JS.API.DIRECT.GET.OF_one", "$JS.API.DIRECT.GET.OF_two", "$JS.API.DIRECT.GET.OF_two_CALLBACKS"] } }, users [ { user: u, password: p } ] }
            no_auth_user: u
            """);
        await using var gateway = await TestGateway.StartAsync(nats);
        await using var stored = new StoredCalls(nats);
        foreach (var queue in new[] { "one", "two" })
        {
            var waiting = await new DeadLetterSeed(stored.JetStream, queue).CreateAsync();
            await waiting.WaitingAsync(DeadLetterSeed.Call());
            await waiting.TellingAsync(DeadLetterSeed.Call());
        }

        var seed = await new HistorySeed(stored.JetStream, "two").CreateAsync();
        await seed.WriteAsync(HistorySeed.Call(id: "ended") with { Callback = new EndedCallback { State = CallbackStates.Due } });
        await Eventually.HoldsAsync(async () => (await gateway.SystemJsonAsync("calls"))["items"]!.AsArray().Count == 1, "it can be searched");

        var found = await gateway.SystemJsonAsync("calls/ended");
        var unknown = await gateway.SystemAsync(HttpMethod.Get, "calls/another", expected: HttpStatusCode.ServiceUnavailable);

        var call = Assert.Single(found["calls"]!.AsArray())!;
        Assert.Equal(("succeeded", "due"), ((string)call["state"]!, (string)call["callback"]!["state"]!));
        Assert.Contains("OF_one, OF_two", unknown, StringComparison.Ordinal);
    }

    private static async Task<double> IndexedAsync(TestGateway gateway, string name)
    {
        var page = await gateway.Http.GetStringAsync(new Uri(gateway.Process.Metrics, "/metrics"));
        return page.Split('\n')
            .Where(line => line.StartsWith($"gateway_history_indexed_calls{{queue_name=\"{name}-", StringComparison.Ordinal))
            .Sum(line => double.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture));
    }
}
