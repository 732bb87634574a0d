using System.Globalization;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Gateway.Tests.Queues;

public sealed class QueueWatchTests
{
    [Fact]
    public async Task A_queue_that_cannot_be_looked_at_keeps_no_other_from_being_told()
    {
        // The server lets nobody list the consumers of the first queue.
        await using var nats = await NatsServer.StartAsync("""
            authorization { default_permissions { publish { deny: ["$JS.API.CONSUMER.LIST.OF_a"] } }, users [ { user: u, password: p } ] }
            no_auth_user: u
            """);
        await using var connection = new NatsConnection(StoredCalls.OptionsFor(nats));
        var stored = new NatsJSContext(connection);
        foreach (var queue in new[] { "a", "b" })
        {
            await stored.CreateStreamAsync(StreamSetup.ConfigOf(StreamShape.Calls(queue, new StreamLimits())));
            await stored.PublishAsync(StreamNames.CallSubject(queue, Priority.Normal, new FunctionName("f", "openfaas-fn")), "");
        }

        await using var gateway = await TestGateway.StartAsync(
            null, ("faas_nats_address", "127.0.0.1"), ("faas_nats_port", nats.Port.ToString(CultureInfo.InvariantCulture)));

        await gateway.Process.Process.LineAsync(
            line => line.Contains("A queue could not be looked at", StringComparison.Ordinal) && line.Contains("\"queue\":\"a\"", StringComparison.Ordinal), "the first is told");
        await Eventually.HoldsAsync(async () => await UntakenAsync(gateway, "b") is not null, "the second is looked at");
    }

    [Fact]
    public async Task A_queue_all_of_whose_calls_are_at_work_is_not_told_of()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var stored = new StoredCalls(nats);
        await stored.JetStream.CreateStreamAsync(StreamSetup.ConfigOf(StreamShape.Calls("busy", new StreamLimits())));
        await StoreAsync(stored, "busy");

        // As a worker whose slots are all taken: it has the call, and asks for no other.
        var consumer = await stored.JetStream.CreateConsumerAsync(
            StreamNames.Calls("busy"), new ConsumerConfig("worker") { AckPolicy = ConsumerConfigAckPolicy.Explicit, AckWait = TimeSpan.FromHours(1) });
        Assert.NotNull(await consumer.NextAsync<string>());
        await using var looks = await stored.ListenAsync("$JS.API.CONSUMER.LIST.OF_busy");
        await using var gateway = await TestGateway.StartAsync(nats);

        // With the third look, what the second saw is told.
        await LookedAsync(looks, 3);
        Assert.Equal(0, await UntakenAsync(gateway, "busy"));

        await StoreAsync(stored, "busy");
        await Eventually.HoldsAsync(async () => await UntakenAsync(gateway, "busy") > 0, "a call that waits beside it is told of");
    }

    [Fact]
    public async Task A_clock_that_is_set_makes_no_wait_longer()
    {
        using var clock = new SettableClock();
        await using var nats = await NatsServer.StartAsync();
        await using var stored = new StoredCalls(nats);
        await stored.JetStream.CreateStreamAsync(StreamSetup.ConfigOf(StreamShape.Calls("waits", new StreamLimits())));
        await StoreAsync(stored, "waits");
        await using var looks = await stored.ListenAsync("$JS.API.CONSUMER.LIST.OF_waits");
        await using var gateway = await TestGateway.StartAsync(nats, [.. clock.Environment.Select(variable => (variable.Key, variable.Value))]);
        await LookedAsync(looks, 1);
        await Eventually.HoldsAsync(async () => await UntakenAsync(gateway, "waits") is not null, "the wait has begun");

        clock.Set(TimeSpan.FromHours(3));
        await LookedAsync(looks, 2);

        Assert.InRange((await UntakenAsync(gateway, "waits"))!.Value, 1, 3600);
    }

    private static async Task StoreAsync(StoredCalls stored, string queue) =>
        (await stored.JetStream.PublishAsync(StreamNames.CallSubject(queue, Priority.Normal, new FunctionName("f", "openfaas-fn")), "")).EnsureSuccess();

    private static async Task LookedAsync(INatsSub<string> looks, int count)
    {
        for (var look = 0; look < count; look++)
        {
            await looks.Msgs.ReadAsync().AsTask().WaitAsync(Eventually.Patience);
        }
    }

    private static Task<double?> UntakenAsync(TestGateway gateway, string queue) => gateway.Process.MetricAsync($"gateway_queue_untaken_seconds{{queue_name=\"{queue}\"}}");
}
