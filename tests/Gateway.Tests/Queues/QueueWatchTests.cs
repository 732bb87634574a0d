using System.Globalization;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;

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
        var stored = new NATS.Client.JetStream.NatsJSContext(connection);
        foreach (var queue in new[] { "a", "b" })
        {
            await stored.CreateStreamAsync(StreamSetup.ConfigOf(StreamShape.Calls(queue, new StreamLimits())));
            await stored.PublishAsync(StreamNames.CallSubject(queue, Priority.Normal, new FunctionName("f", "openfaas-fn")), "");
        }

        await using var gateway = await TestGateway.StartAsync(
            null, ("faas_nats_address", "127.0.0.1"), ("faas_nats_port", nats.Port.ToString(CultureInfo.InvariantCulture)));

        await gateway.Process.Process.LineAsync(
            line => line.Contains("A queue could not be looked at", StringComparison.Ordinal) && line.Contains("\"queue\":\"a\"", StringComparison.Ordinal), "the first is told");
        await Eventually.HoldsAsync(async () => await gateway.Process.MetricAsync("gateway_queue_untaken_seconds{queue_name=\"b\"}") is not null, "the second is looked at");
    }
}
