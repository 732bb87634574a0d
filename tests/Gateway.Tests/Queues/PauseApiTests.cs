using System.Net;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream.Models;
using NATS.Net;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>Pausing and resuming over HTTP (R22 of docs/delivery-states.md), and where it shows.</summary>
public sealed class PauseApiTests(QueueFixture fixture) : IClassFixture<QueueFixture>
{
    private readonly TestGateway _gateway = fixture.Gateway;

    [Fact]
    public async Task R22_a_pause_is_stored_with_who_when_and_why_before_the_answer_and_shown_until_it_is_resumed()
    {
        var seed = await SeedAsync();
        await seed.WaitingAsync(DeadLetterSeed.Call("one"));
        await seed.HeldAsync(DeadLetterSeed.Call("two"));
        var before = TimeProvider.System.GetUtcNow();

        var queue = System.Text.Json.Nodes.JsonNode.Parse(await _gateway.SystemAsync(HttpMethod.Post, $"queues/{seed.Queue}/pause", new { reason = "moving house" }))!;
        await _gateway.SystemAsync(HttpMethod.Post, $"queues/{seed.Queue}/functions/two/pause", new { reason = "its store is away", by = "me" });

        Assert.Equal(("moving house", "admin"), ((string)queue["reason"]!, (string)queue["by"]!));
        Assert.InRange((DateTimeOffset)queue["at"]!, before.AddSeconds(-1), TimeProvider.System.GetUtcNow());
        await using var connection = new NatsConnection(StoredCalls.OptionsFor(fixture.Nats));
        var bucket = await connection.CreateKeyValueStoreContext().GetStoreAsync(StreamNames.Paused);
        var stored = await bucket.GetEntryAsync(Pause.Key(seed.Queue, new("two", "openfaas-fn")), serializer: NatsRawSerializer<byte[]>.Default);
        Assert.Equal("its store is away", Pause.Decode(stored.Value!, default).Reason);

        var listed = (await _gateway.SystemJsonAsync("queues")).AsArray().Single(q => (string)q!["name"]! == seed.Queue)!;
        Assert.Equal("moving house", (string)listed["paused"]!["reason"]!);
        Assert.Equal(["two.openfaas-fn"], listed["pausedFunctions"]!.AsArray().Select(name => (string)name!));
        Assert.Equal((1, 0, 1), ((int)listed["calls"]!, (int)listed["delayed"]!, (int)listed["held"]!));
        var shown = await _gateway.SystemJsonAsync($"queues/{seed.Queue}");
        Assert.Equal("admin", (string)shown["paused"]!["by"]!);
        var two = shown["functions"]!.AsArray().Single(function => (string)function!["function"]! == "two.openfaas-fn")!;
        Assert.Equal(("me", 1), ((string)two["paused"]!["by"]!, (int)two["held"]!));
        await Eventually.HoldsAsync(
            async () => await _gateway.Process.MetricAsync($"gateway_queue_paused_seconds{{queue_name=\"{seed.Queue}\",function_name=\"two.openfaas-fn\"}}") is not null, "the gauge");

        await _gateway.SystemAsync(HttpMethod.Post, $"queues/{seed.Queue}/resume", expected: HttpStatusCode.NoContent);
        await _gateway.SystemAsync(HttpMethod.Post, $"queues/{seed.Queue}/resume", expected: HttpStatusCode.NoContent);
        await _gateway.SystemAsync(HttpMethod.Post, $"queues/{seed.Queue}/functions/two.openfaas-fn/resume", expected: HttpStatusCode.NoContent);
        shown = await _gateway.SystemJsonAsync($"queues/{seed.Queue}");
        Assert.Null(shown["paused"]);
        Assert.All(shown["functions"]!.AsArray(), function => Assert.Null(function!["paused"]));
        await Eventually.HoldsAsync(
            async () => await _gateway.Process.MetricAsync($"gateway_queue_paused_seconds{{queue_name=\"{seed.Queue}\",function_name=\"two.openfaas-fn\"}}") is null, "the gauge is gone");
    }

    [Fact]
    public async Task R23_an_open_breaker_shows_in_both_lists_and_is_closed_by_resuming_its_function()
    {
        var seed = await SeedAsync();
        await seed.HeldAsync(DeadLetterSeed.Call("down"));
        var breaker = new OpenBreaker { Reason = "no connection", At = TimeProvider.System.GetUtcNow(), ProbeAt = TimeProvider.System.GetUtcNow().AddSeconds(10) };

        // Whoever asks for this has the bucket made.
        await _gateway.SystemJsonAsync("queues");
        await using var connection = new NatsConnection(StoredCalls.OptionsFor(fixture.Nats));
        var bucket = await connection.CreateKeyValueStoreContext().GetStoreAsync(StreamNames.Paused);
        await bucket.PutAsync(OpenBreaker.Key(seed.Queue, new("down", "openfaas-fn")), breaker.Encode(), NatsRawSerializer<byte[]>.Default);

        var listed = (await _gateway.SystemJsonAsync("queues")).AsArray().Single(q => (string)q!["name"]! == seed.Queue)!;
        Assert.Equal(["down.openfaas-fn"], listed["unreachableFunctions"]!.AsArray().Select(name => (string)name!));
        var shown = (await _gateway.SystemJsonAsync($"queues/{seed.Queue}"))["functions"]!.AsArray().Single()!["breaker"]!;
        Assert.Equal(("no connection", breaker.At, breaker.ProbeAt), ((string)shown["reason"]!, (DateTimeOffset)shown["at"]!, (DateTimeOffset)shown["probeAt"]!));

        await _gateway.SystemAsync(HttpMethod.Post, $"queues/{seed.Queue}/functions/down/resume", expected: HttpStatusCode.NoContent);
        listed = (await _gateway.SystemJsonAsync("queues")).AsArray().Single(q => (string)q!["name"]! == seed.Queue)!;
        Assert.Empty(listed["unreachableFunctions"]!.AsArray());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task R22_what_was_paused_is_not_any_more_once_the_bucket_is_deleted_or_emptied(bool isEmptied)
    {
        var seed = await SeedAsync();
        await _gateway.SystemAsync(HttpMethod.Post, $"queues/{seed.Queue}/pause");
        Assert.NotNull((await _gateway.SystemJsonAsync($"queues/{seed.Queue}"))["paused"]);

        if (isEmptied)
        {
            await fixture.Stored.JetStream.PurgeStreamAsync($"KV_{StreamNames.Paused}", new StreamPurgeRequest());
        }
        else
        {
            await fixture.Stored.JetStream.DeleteStreamAsync($"KV_{StreamNames.Paused}");
        }

        await Eventually.HoldsAsync(async () => (await _gateway.SystemJsonAsync($"queues/{seed.Queue}"))["paused"] is null, "it is seen");
        await _gateway.SystemAsync(HttpMethod.Post, $"queues/{seed.Queue}/pause");
        await Eventually.HoldsAsync(async () => (await _gateway.SystemJsonAsync($"queues/{seed.Queue}"))["paused"] is not null, "it is paused again");
    }

    [Fact]
    public async Task What_means_nothing_is_refused()
    {
        var seed = await SeedAsync();

        Assert.Contains("nosuch", await _gateway.SystemAsync(HttpMethod.Post, "queues/nosuch/pause", expected: HttpStatusCode.NotFound), StringComparison.Ordinal);
        Assert.Contains("reason", await _gateway.SystemAsync(HttpMethod.Post, $"queues/{seed.Queue}/pause", new[] { 1 }, HttpStatusCode.BadRequest), StringComparison.Ordinal);
        Assert.Contains("reason", await _gateway.SystemAsync(HttpMethod.Post, $"queues/{seed.Queue}/pause", new { reason = new string('x', 501) }, HttpStatusCode.BadRequest), StringComparison.Ordinal);
        Assert.Contains("function", await _gateway.SystemAsync(HttpMethod.Post, $"queues/{seed.Queue}/functions/a%20b/pause", expected: HttpStatusCode.BadRequest), StringComparison.Ordinal);
        using var open = await _gateway.SendAsync(HttpMethod.Post, $"/system/queues/{seed.Queue}/pause");
        Assert.Equal(HttpStatusCode.Unauthorized, open.StatusCode);
    }

    private Task<DeadLetterSeed> SeedAsync() => new DeadLetterSeed(fixture.Stored.JetStream, "q" + Guid.NewGuid().ToString("N")[..8]).CreateAsync();
}
