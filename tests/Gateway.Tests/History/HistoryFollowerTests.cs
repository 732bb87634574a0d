using System.Text.Json.Nodes;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.JetStream.Models;

namespace Connectors.Gateway.Tests.History;

/// <summary>How the index keeps in step with a history.</summary>
public sealed class HistoryFollowerTests
{
    private const int Looks = 12;
    private const int Writers = 8;
    private const int Others = 200;

    [Fact]
    public async Task A_history_is_not_read_anew_because_calls_end_while_it_is_looked_at()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var gateway = await TestGateway.StartAsync(nats);
        await using var stored = new StoredCalls(nats);
        var seed = await new HistorySeed(stored.JetStream, "busy").CreateAsync();
        await seed.WriteAsync(HistorySeed.Call());
        await Eventually.HoldsAsync(async () => await gateway.Process.MetricAsync("""gateway_history_indexed_calls{queue_name="busy"}""") > 0, "the index has begun");

        // It takes a while to read a list of many.
        for (var other = 0; other < Others; other++)
        {
            await stored.JetStream.CreateStreamAsync(new StreamConfig($"A{other}", [$"a{other}"]) { Storage = StreamConfigStorage.Memory });
        }

        await using var looks = await stored.ListenAsync("$JS.API.STREAM.LIST");
        await using var readers = await stored.ListenAsync($"$JS.API.CONSUMER.CREATE.{StreamNames.History("busy")}.>");
        using var enough = new CancellationTokenSource();

        var writing = Enumerable.Range(0, Writers).Select(_ => WriteAsync(seed, enough.Token)).ToList();
        for (var look = 0; look < Looks; look++)
        {
            await looks.Msgs.ReadAsync().AsTask().WaitAsync(Eventually.Patience);
        }

        await enough.CancelAsync();
        await Task.WhenAll(writing);
        while (readers.Msgs.TryRead(out var reader))
        {
            Assert.NotEqual(1, (int)JsonNode.Parse(reader.Data!)!["config"]!["opt_start_seq"]!);
        }
    }

    private static async Task WriteAsync(HistorySeed seed, CancellationToken enough)
    {
        while (!enough.IsCancellationRequested)
        {
            await seed.WriteAsync(HistorySeed.Call());
        }
    }
}
