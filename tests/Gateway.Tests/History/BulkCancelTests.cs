using System.Net;
using System.Text.Json.Nodes;
using Connectors.Gateway.Tests.Queues;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.KeyValueStore;
using NATS.Net;

namespace Connectors.Gateway.Tests.History;

/// <summary>Cancelling all waiting calls of a kind over HTTP, counting them before; and dead letters of a tag.</summary>
public sealed class BulkCancelTests(QueueFixture fixture) : IClassFixture<QueueFixture>
{
    private readonly TestGateway _gateway = fixture.Gateway;

    [Fact]
    public async Task What_waits_is_counted_by_every_word_of_the_filter_in_whatever_stream_it_lies()
    {
        var seed = await SeedAsync();
        var old = TimeProvider.System.GetUtcNow().AddHours(-2);
        for (var i = 0; i < 70; i++)
        {
            await seed.WaitingAsync(DeadLetterSeed.Call("one") with { Attempt = 1 });
        }

        await seed.WaitingAsync(DeadLetterSeed.Call("two") with { Tags = ["a", "b"], Submitted = old });
        await seed.WaitingAsync(DeadLetterSeed.Call("two") with { Tags = ["b"], FirstAt = old, Submitted = old });
        await seed.DelayedAsync(DeadLetterSeed.Call("two") with { Tags = ["a"], Due = TimeProvider.System.GetUtcNow().AddDays(1) });
        await seed.HeldAsync(DeadLetterSeed.Call("one"));

        Assert.Equal(74, await CountAsync($"queue={seed.Queue}"));
        Assert.Equal(71, await CountAsync($"queue={seed.Queue}&function=one"));
        Assert.Equal(2, await CountAsync($"queue={seed.Queue}&tag=a"));
        Assert.Equal(1, await CountAsync($"queue={seed.Queue}&tag=a&state=delayed"));
        Assert.Equal(1, await CountAsync($"queue={seed.Queue}&state=retry"));
        Assert.Equal(73, await CountAsync($"queue={seed.Queue}&state=waiting,delayed"));
        Assert.Equal(2, await CountAsync($"queue={seed.Queue}&until=1h"));
        Assert.Equal(72, await CountAsync($"queue={seed.Queue}&since=1h"));
        Assert.Equal(2, await CountAsync("function=two.openfaas-fn&tag=b&until=1h"));
    }

    [Fact]
    public async Task A_count_of_large_calls_ends_at_a_bound_of_bytes_and_says_that_there_may_be_more()
    {
        // Some more than 64 MiB, each less than a server takes by default.
        const int Calls = 120;
        var seed = await SeedAsync();
        try
        {
            var body = new byte[900_000];
            for (var i = 0; i < Calls; i++)
            {
                await seed.WaitingAsync(DeadLetterSeed.Call("large"), body);
            }

            var counted = await _gateway.SystemJsonAsync($"calls/cancellations/count?queue={seed.Queue}");

            Assert.False((bool)counted["isComplete"]!);
            Assert.InRange((int)counted["count"]!, 1, Calls - 1);
        }
        finally
        {
            // Another test counts the calls of all queues.
            await fixture.Stored.JetStream.DeleteStreamAsync(StreamNames.Calls(seed.Queue));
        }
    }

    [Fact]
    public async Task R24_it_is_202_once_workers_can_see_it()
    {
        var seed = await SeedAsync();
        var before = TimeProvider.System.GetUtcNow();

        var made = JsonNode.Parse(await _gateway.SystemAsync(HttpMethod.Post, $"calls/cancellations?queue={seed.Queue}&function=one&state=retry,delayed&tag=a&since=2026-01-02T03:04:05Z", expected: HttpStatusCode.Accepted))!;

        await using var connection = new NatsConnection(StoredCalls.OptionsFor(fixture.Nats));
        var bucket = await connection.CreateKeyValueStoreContext().GetStoreAsync(StreamNames.Cancelled);
        var entry = await bucket.GetEntryAsync(BulkCancellation.Key((string)made["id"]!), serializer: NatsRawSerializer<byte[]>.Default);
        var stored = BulkCancellation.TryDecode(entry.Value!)!;
        Assert.Equal((seed.Queue, "one.openfaas-fn", "a", new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero)), (stored.Queue, stored.Function, stored.Tag, stored.Since!.Value));
        Assert.Equal(["retry", "delayed"], stored.States!);
        Assert.Null(stored.Until);
        Assert.InRange(stored.At, before, TimeProvider.System.GetUtcNow());
        Assert.Equal(stored.At, (DateTimeOffset)made["at"]!);
        await _gateway.Process.Process.LineAsync(
            line => line.Contains("Waiting calls of a kind cancelled", StringComparison.Ordinal) && line.Contains(seed.Queue, StringComparison.Ordinal), "the log says so");
    }

    [Theory]
    [InlineData("", "all=true")]
    [InlineData("queue=NO", "queue:")]
    [InlineData("function=a%20b", "function:")]
    [InlineData("state=dead", "state: one or more of waiting, retry, delayed")]
    [InlineData("since=soon", "since, until:")]
    [InlineData("tag=a%20b", "tag:")]
    public async Task What_means_nothing_is_400_and_says_why(string query, string why) =>
        Assert.Contains(why, await _gateway.SystemAsync(HttpMethod.Post, $"calls/cancellations?{query}", expected: HttpStatusCode.BadRequest), StringComparison.Ordinal);

    [Fact]
    public async Task It_asks_for_credentials_and_for_a_queue_that_is_there()
    {
        await _gateway.SystemAsync(HttpMethod.Post, "calls/cancellations?queue=nosuch", expected: HttpStatusCode.NotFound);
        await _gateway.SystemAsync(HttpMethod.Get, "calls/cancellations/count?queue=nosuch", expected: HttpStatusCode.NotFound);
        using var open = await _gateway.SendAsync(HttpMethod.Post, "/system/calls/cancellations?all=true");
        Assert.Equal(HttpStatusCode.Unauthorized, open.StatusCode);
    }

    [Fact]
    public async Task Dead_letters_of_a_tag_are_listed_counted_redriven_and_deleted()
    {
        var seed = await SeedAsync();
        await seed.DeadAsync(DeadLetterSeed.Call("one") with { Tags = ["a", "b"] });
        var other = await seed.DeadAsync(DeadLetterSeed.Call("one") with { Tags = ["c"] });
        var plain = await seed.DeadAsync(DeadLetterSeed.Call("one"));

        var listed = (await _gateway.SystemJsonAsync($"queues/{seed.Queue}/dead?tag=b"))["items"]!.AsArray();
        Assert.Equal("""["a","b"]""", Assert.Single(listed)!["tags"]!.ToJsonString());
        Assert.Equal(1, (int)(await _gateway.SystemJsonAsync($"queues/{seed.Queue}/dead/count?tag=b&function=one"))["count"]!);

        await _gateway.SystemAsync(HttpMethod.Post, $"queues/{seed.Queue}/redrives", new { tag = "b" }, HttpStatusCode.Accepted);
        await Eventually.HoldsAsync(async () => await seed.CountAsync(StreamNames.Dead(seed.Queue)) == 2 && await seed.CountAsync(StreamNames.Calls(seed.Queue)) == 1, "one is redriven");
        Assert.Equal("""{"deleted":1}""", await _gateway.SystemAsync(HttpMethod.Delete, $"queues/{seed.Queue}/dead?tag=c"));
        await _gateway.SystemAsync(HttpMethod.Get, $"queues/{seed.Queue}/dead/{other}", expected: HttpStatusCode.NotFound);
        await _gateway.SystemAsync(HttpMethod.Get, $"queues/{seed.Queue}/dead/{plain}");
    }

    private async Task<int> CountAsync(string query)
    {
        var counted = await _gateway.SystemJsonAsync($"calls/cancellations/count?{query}");
        Assert.True((bool)counted["isComplete"]!);
        return (int)counted["count"]!;
    }

    private Task<DeadLetterSeed> SeedAsync() => new DeadLetterSeed(fixture.Stored.JetStream, "q" + Guid.NewGuid().ToString("N")[..8]).CreateAsync();
}
