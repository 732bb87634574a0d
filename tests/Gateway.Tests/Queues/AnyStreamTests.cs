using System.Net;
using Connectors.Streams.Records;
using Connectors.Testing;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>A queue is there as soon, and for as long, as any of the streams of its calls, callbacks and dead letters is.</summary>
public sealed class AnyStreamTests(QueueFixture fixture) : IClassFixture<QueueFixture>
{
    private readonly TestGateway _gateway = fixture.Gateway;
    private readonly StoredCalls _stored = fixture.Stored;

    [Fact]
    public async Task A_queue_whose_first_call_is_a_delayed_one_is_listed_shown_paused_searched_and_purged()
    {
        await _gateway.DeployAsync("early", "cat", new Dictionary<string, string> { ["com.openfaas.queue"] = "fresh" });
        using var accepted = await _gateway.PostAsync("/async-function/early", "hi", ("X-Delay", "1h"), ("X-Call-Id", "fresh-call"));
        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);

        var listed = (await _gateway.SystemJsonAsync("queues")).AsArray().Single(queue => (string)queue!["name"]! == "fresh")!;
        Assert.Equal((0, 1, 0), ((int)listed["calls"]!, (int)listed["delayed"]!, (int)listed["dead"]!));
        var shown = await _gateway.SystemJsonAsync("queues/fresh");
        Assert.Equal((0, 0, 1), ((int)shown["calls"]!, (int)shown["running"]!, (int)shown["delayed"]!));
        Assert.Equal(["early.openfaas-fn"], shown["functions"]!.AsArray().Select(function => (string)function!["function"]!));
        await Eventually.HoldsAsync(
            async () => (await _gateway.SystemJsonAsync("overview"))["queues"]!.AsArray().Any(queue => (string)queue!["name"]! == "fresh" && (int?)queue["delayed"] == 1 && (int?)queue["bytes"] == 0),
            "the page shows it");

        Assert.Equal(["fresh-call"], (await _gateway.SystemJsonAsync("queues/fresh/delayed"))["items"]!.AsArray().Select(item => (string)item!["callId"]!));
        Assert.Empty((await _gateway.SystemJsonAsync("queues/fresh/dead"))["items"]!.AsArray());
        Assert.Equal(0, (int)(await _gateway.SystemJsonAsync("queues/fresh/dead/count"))["count"]!);
        var story = Assert.Single((await _gateway.SystemJsonAsync("calls/fresh-call"))["calls"]!.AsArray())!;
        Assert.Equal(("delayed", "fresh"), ((string)story["state"]!, (string)story["queue"]!));
        foreach (var filter in new[] { "queue=fresh", "function=early" })
        {
            Assert.Equal(1, (int)(await _gateway.SystemJsonAsync($"calls/cancellations/count?{filter}"))["count"]!);
        }

        await _gateway.SystemAsync(HttpMethod.Post, "queues/fresh/pause");
        await _gateway.SystemAsync(HttpMethod.Post, "queues/fresh/resume", expected: HttpStatusCode.NoContent);
        Assert.Equal("""{"count":1}""", await _gateway.SystemAsync(HttpMethod.Get, "queues/fresh/calls/count"));
        Assert.Equal("""{"purged":1}""", await _gateway.SystemAsync(HttpMethod.Delete, "queues/fresh/calls"));
    }

    [Fact]
    public async Task A_queue_whose_stream_of_calls_was_deleted_keeps_its_dead_letters_in_sight()
    {
        var seed = await new DeadLetterSeed(_stored.JetStream, "q" + Guid.NewGuid().ToString("N")[..8]).CreateAsync();
        var seq = await seed.DeadAsync(DeadLetterSeed.Call());
        foreach (var stream in StreamNames.StreamsOf(seed.Queue).Where(stream => stream != StreamNames.Dead(seed.Queue)))
        {
            await _stored.JetStream.DeleteStreamAsync(stream);
        }

        var listed = (await _gateway.SystemJsonAsync("queues")).AsArray().Single(queue => (string)queue!["name"]! == seed.Queue)!;
        var shown = await _gateway.SystemJsonAsync($"queues/{seed.Queue}");

        Assert.Equal((0, 0, 1), ((int)listed["calls"]!, (int)listed["callbacks"]!, (int)listed["dead"]!));
        Assert.Equal((0, 0, 1), ((int)shown["calls"]!, (int)shown["running"]!, (int)shown["dead"]!));
        Assert.Equal(1, (int)(await _gateway.SystemJsonAsync($"queues/{seed.Queue}/dead/count"))["count"]!);
        await _gateway.SystemAsync(HttpMethod.Post, $"queues/{seed.Queue}/dead/{seq}/redrive", expected: HttpStatusCode.Accepted);
        Assert.Equal(1ul, await _stored.CountAsync(seed.Queue));

        await _stored.JetStream.DeleteStreamAsync(StreamNames.Calls(seed.Queue));
        await _stored.JetStream.DeleteStreamAsync(StreamNames.Dead(seed.Queue));
        await _gateway.SystemAsync(HttpMethod.Get, $"queues/{seed.Queue}", expected: HttpStatusCode.NotFound);
        Assert.DoesNotContain((await _gateway.SystemJsonAsync("queues")).AsArray(), queue => (string)queue!["name"]! == seed.Queue);
    }
}
