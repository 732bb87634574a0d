using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.KeyValueStore;
using NATS.Net;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>More bytes asked for at once than nats-server keeps on their way to one client (<c>max_pending</c>, 64 MiB): it would end the gateway's connection, and what is being accepted would not be known.</summary>
public sealed class LargeLookupTests
{
    private static readonly byte[] Large = new byte[900_000];

    [Fact]
    public async Task Many_may_ask_for_a_large_result_at_once()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await using (var connection = new NatsConnection(StoredCalls.OptionsFor(nats)))
        {
            var bucket = await connection.CreateKeyValueStoreContext().CreateStoreAsync(new NatsKVConfig(StreamNames.Results) { History = 1, MaxAge = TimeSpan.FromHours(24) });
            var record = new StoredResult { State = DeadReasons.Failed, Function = "echo.openfaas-fn", Status = 418, Expires = TimeProvider.System.GetUtcNow() + TimeSpan.FromHours(1) };
            await bucket.PutAsync(StreamNames.Token("large"), record.Encode(Large), NatsRawSerializer<byte[]>.Default);
        }

        var lengths = await Task.WhenAll(Enumerable.Range(0, 200).Select(async _ =>
        {
            using var answer = await gateway.SendAsync(HttpMethod.Get, "/async-function/large");
            return (await answer.Content.ReadAsByteArrayAsync()).Length;
        }));

        Assert.DoesNotContain("Slow Consumer", nats.Log, StringComparison.Ordinal);
        Assert.All(lengths, length => Assert.Equal(Large.Length, length));
    }

    [Fact]
    public async Task Many_may_ask_for_a_large_dead_letter_at_once()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "large").CreateAsync();
        var seq = await seed.DeadAsync(DeadLetterSeed.Call(), Large);

        var lengths = await Task.WhenAll(Enumerable.Range(0, 200).Select(async _ =>
        {
            using var answer = await gateway.SendAsync(HttpMethod.Get, $"/system/queues/large/dead/{seq}", null, ("Authorization", TestGateway.Admin));
            return (await answer.Content.ReadAsByteArrayAsync()).Length;
        }));

        Assert.DoesNotContain("Slow Consumer", nats.Log, StringComparison.Ordinal);
        Assert.All(lengths, length => Assert.Equal(Large.Length, length));
    }

    [Fact]
    public async Task Many_may_look_for_a_call_among_large_ones_at_once()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await gateway.DeployAsync("echo", "cat");
        for (var i = 0; i < 64; i++)
        {
            using var accepted = await gateway.SendAsync(HttpMethod.Post, "/async-function/echo", Large, ("X-Call-Id", $"call-{i}"));
            Assert.Equal(202, (int)accepted.StatusCode);
        }

        var stories = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => gateway.SystemJsonAsync($"calls/call-{56 + i}")));

        Assert.DoesNotContain("Slow Consumer", nats.Log, StringComparison.Ordinal);
        Assert.All(stories, (story, i) => Assert.Contains($"call-{56 + i}", story.ToJsonString(), StringComparison.Ordinal));
    }
}
