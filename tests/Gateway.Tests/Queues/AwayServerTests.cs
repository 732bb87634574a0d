using System.Net;
using System.Text.Json.Nodes;
using Connectors.Gateway.Tests.History;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using NATS.Client.KeyValueStore;
using NATS.Net;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>
/// A cluster one of whose servers is away, and with it all that lies on that one alone: it is told as not known, the rest as it is, and all of it once the server
/// is back.
/// </summary>
public sealed class AwayServerTests : IAsyncLifetime
{
    private const int Letters = 6;

    // Of one letter in a row, at which a job stops while NATS is there.
    private const int Failures = 3;

    private NatsCluster _cluster = null!;
    private NatsConnection _connection = null!;
    private INatsJSContext _js = null!;
    private TestGateway _gateway = null!;
    private DeadLetterSeed _away = null!;
    private DeadLetterSeed _here = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await NatsCluster.StartAsync(TakesReplicasAsync, config: server => $"server_tags: [\"s{server}\"]");
        _connection = new NatsConnection(StoredCalls.OptionsFor(_cluster.Servers[0]));
        _js = _connection.CreateJetStreamContext();
        await MakeAsync(StreamNames.DefaultQueue, server: 0);
        (_here, _away) = (await MakeAsync("here", server: 0), await MakeAsync("away", server: 1));
        foreach (var bucket in new[] { StreamNames.Paused, StreamNames.Redrives, StreamNames.Cancelled, StreamNames.Results })
        {
            await Eventually.HoldsAsync(
                async () => await _connection.CreateKeyValueStoreContext().CreateStoreAsync(new NatsKVConfig(bucket) { History = 1, Placement = On(0) }) is not null, $"{bucket} is made");
        }

        _gateway = await TestGateway.StartAsync(_cluster.Servers[0]);
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _connection.DisposeAsync();
        await _cluster.DisposeAsync();
    }

    // One that is stopped says so to the others, who list its streams as empty ones; one that is killed does not answer, and is waited for.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_is_there_is_told_and_what_is_not_is_not_known(bool killed)
    {
        await _away.WaitingAsync(DeadLetterSeed.Call(id: "waits-away"));
        await _here.WaitingAsync(DeadLetterSeed.Call(id: "waits-here"));
        await _away.DeadAsync(Letters, _ => DeadLetterSeed.Call());
        await new HistorySeed(_js, "away").WriteAsync(HistorySeed.Call(id: "ended-away"));
        await new HistorySeed(_js, "here").WriteAsync(HistorySeed.Call(id: "ended-here"));
        await Eventually.HoldsAsync(async () => (await ViewAsync("away"))["dead"]?.GetValue<int>() == Letters && await UntakenAsync() > 0, "all of it was seen");
        await ListsAsync("away", "ended-away");
        await using var readers = await ListenAsync($"$JS.API.CONSUMER.CREATE.{StreamNames.History("away")}.>");

        await LeaveAsync(killed);
        var listed = await Eventually.GetAsync(
            async () => await ListedAsync("away") is { } queue && queue["unknown"] is JsonArray { Count: 4 } ? queue : null, "what lies there is not known");
        var view = await Eventually.GetAsync(async () => await ViewAsync("away") is { } queue && queue["error"] is not null ? queue : null, "the page says so");

        Assert.Equal(["OF_away", "OF_away_ASIDE", "OF_away_CALLBACKS", "OF_away_DEAD"], listed["unknown"]!.AsArray().Select(stream => (string)stream!));
        Assert.All(new[] { "calls", "delayed", "held", "callbacks", "dead" }, count => Assert.Null(listed[count]));
        Assert.Equal((1, Letters), ((int)view["waiting"]!, (int)view["dead"]!));
        Assert.Equal((1, null), ((int)(await ListedAsync("here"))!["calls"]!, (await ListedAsync("here"))!["unknown"]));
        await Eventually.HoldsAsync(async () => await ViewAsync("here") is var here && (int)here["waiting"]! == 1 && here["error"] is null, "the other queue is live");

        // Two more looks at the queues that nobody takes calls from.
        await using var looks = await ListenAsync("$JS.API.CONSUMER.LIST.OF_here");
        await looks.Msgs.ReadAsync().AsTask().WaitAsync(Eventually.Patience);
        await looks.Msgs.ReadAsync().AsTask().WaitAsync(Eventually.Patience);
        Assert.True(await UntakenAsync() > 0, "the wait goes on being shown");

        await ListsAsync("here", "ended-here");
        Assert.DoesNotContain(HttpStatusCode.NotFound, await StatusesAsync("calls/waits-away", HttpStatusCode.ServiceUnavailable));
        await StatusesAsync("calls/waits-here", HttpStatusCode.OK);
        var counted = await Eventually.GetAsync(() => JsonAsync("calls/cancellations/count"), "waiting calls are counted");
        Assert.False((bool)counted["isComplete"]!);

        await _cluster.Servers[1].StartAgainAsync();
        await Eventually.HoldsAsync(
            async () => (int?)(await ListedAsync("away"))!["calls"] == 1 && await ViewAsync("away") is { } back && back["error"] is null && (int)back["dead"]! == Letters, "all of it is known again");
        await ListsAsync("away", "ended-away");
        while (readers.Msgs.TryRead(out var reader))
        {
            Assert.NotEqual(1, (int)JsonNode.Parse(reader.Data!)!["config"]!["opt_start_seq"]!);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task R15_a_redrive_waits_for_the_server_of_its_letters(bool killed)
    {
        await _away.DeadAsync(Letters, _ => DeadLetterSeed.Call());
        var id = JsonNode.Parse(await _gateway.SystemAsync(HttpMethod.Post, "queues/away/redrives", new { ratePerSecond = 0.5 }, HttpStatusCode.Accepted))!["id"]!.ToString();
        await Eventually.HoldsAsync(async () => (int)(await JobAsync(id))["redriven"]! > 0, "it has begun");

        await LeaveAsync(killed);

        // It is written when it is taken up, and when it fails; what it waits for stands there from its first failure on.
        var writes = new HashSet<string>();
        await Eventually.HoldsAsync(
            async () =>
            {
                var job = await JobAsync(id);
                if (job["error"] is not null)
                {
                    writes.Add((string)job["updatedAt"]!);
                }

                return writes.Count > 2 * Failures || (string)job["state"]! != "running";
            },
            "it fails more often than a letter may");
        await _cluster.Servers[1].StartAgainAsync();
        var job = await Eventually.GetAsync(async () => await JobAsync(id) is var job && (string)job["state"]! != "running" ? job : null, "it ends");
        Assert.Equal(("done", null), ((string)job["state"]!, (string?)job["error"]));
        await Eventually.HoldsAsync(async () => await _away.CountAsync("OF_away_DEAD") == 0, "no letter is left");
    }

    private static Placement On(int server) => new() { Tags = [$"s{server}"] };

    private static async Task TakesReplicasAsync(NatsServer server)
    {
        // A request that nobody leads yet has no answer: it is to be given up soon and made again.
        await using var connection = new NatsConnection(new NatsOpts { Url = server.Url });
        var js = connection.CreateJetStreamContext();
        await js.CreateStreamAsync(new StreamConfig("TRY", ["try"]) { NumReplicas = 3 });
        await js.DeleteStreamAsync("TRY");
    }

    private async Task<DeadLetterSeed> MakeAsync(string queue, int server)
    {
        foreach (var shape in StreamShape.All(queue, new StreamLimits()).Append(StreamShape.History(queue, new StreamLimits(), 1024 * 1024, TimeSpan.FromDays(1))))
        {
            await Eventually.HoldsAsync(async () => await _js.CreateOrUpdateStreamAsync(StreamSetup.ConfigOf(shape) with { Placement = On(server) }) is not null, $"{shape.Name} is made");
        }

        return new DeadLetterSeed(_js, queue);
    }

    private async Task LeaveAsync(bool killed) => await (killed ? _cluster.Servers[1].KillAsync() : _cluster.Servers[1].StopAsync());

    private async Task<INatsSub<string>> ListenAsync(string subject)
    {
        var heard = await _connection.SubscribeCoreAsync<string>(subject);
        await _connection.PingAsync();
        return heard;
    }

    // Null while the cluster elects somebody.
    private async Task<JsonNode?> JsonAsync(string path)
    {
        using var answer = await AskAsync(path);
        return answer.StatusCode == HttpStatusCode.OK ? JsonNode.Parse(await answer.Content.ReadAsStringAsync()) : null;
    }

    private async Task<HttpResponseMessage> AskAsync(string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_gateway.Api, $"/system/{path}"));
        request.Headers.TryAddWithoutValidation("Authorization", TestGateway.Admin);
        return await _gateway.Http.SendAsync(request);
    }

    // Of a queue in the list, which is asked for until it comes; null if it is not there.
    private async Task<JsonNode?> ListedAsync(string queue) =>
        (await Eventually.GetAsync(() => JsonAsync("queues"), "the queues are listed")).AsArray().SingleOrDefault(listed => (string)listed!["name"]! == queue);

    private async Task<JsonNode> ViewAsync(string queue) => (await _gateway.SystemJsonAsync("overview"))["queues"]!.AsArray().Single(view => (string)view!["name"]! == queue)!;

    private Task<JsonNode> JobAsync(string id) => _gateway.SystemJsonAsync($"queues/away/redrives/{id}");

    private Task<double?> UntakenAsync() => _gateway.Process.MetricAsync("""gateway_queue_untaken_seconds{queue_name="away"}""");

    private Task ListsAsync(string queue, string id) => Eventually.HoldsAsync(
        async () => await JsonAsync($"calls?queue={queue}") is { } page && page["items"]!.AsArray().Select(item => (string)item!["callId"]!).SequenceEqual([id]), $"the history of {queue} is told");

    // All statuses until the one that is to come.
    private async Task<IReadOnlyCollection<HttpStatusCode>> StatusesAsync(string path, HttpStatusCode expected)
    {
        var statuses = new HashSet<HttpStatusCode>();
        await Eventually.HoldsAsync(
            async () =>
            {
                using var answer = await AskAsync(path);
                statuses.Add(answer.StatusCode);
                return answer.StatusCode == expected;
            },
            () => $"{path} is {expected}, not {string.Join(", ", statuses)}");
        return statuses;
    }
}
