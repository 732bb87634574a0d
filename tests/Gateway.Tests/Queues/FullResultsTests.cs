using System.Net;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using NATS.Client.Core;
using NATS.Client.KeyValueStore;
using NATS.Net;

namespace Connectors.Gateway.Tests.Queues;

/// <summary>A bucket of results that takes no more.</summary>
public sealed class FullResultsTests
{
    [Fact]
    public async Task A_call_whose_result_cannot_be_kept_is_refused_with_the_reason_and_no_other_is()
    {
        await using var nats = await NatsServer.StartAsync();
        await FillAsync(nats);
        await using var gateway = await TestGateway.StartAsync(nats);
        await gateway.DeployAsync("echo", "cat");

        using var refused = await gateway.PostAsync("/async-function/echo", "hi", ("X-Store-Result", "10m"));
        using var accepted = await gateway.PostAsync("/async-function/echo", "hi");

        Assert.Equal((HttpStatusCode.ServiceUnavailable, HttpStatusCode.Accepted), (refused.StatusCode, accepted.StatusCode));
        Assert.Contains("the call's result cannot be kept: maximum bytes", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task R16_a_purge_that_cannot_be_noted_is_done_and_told()
    {
        await using var nats = await NatsServer.StartAsync();
        await FillAsync(nats);
        await using var gateway = await TestGateway.StartAsync(nats);
        await using var stored = new StoredCalls(nats);
        var seed = await new DeadLetterSeed(stored.JetStream, "full").CreateAsync();
        await seed.WaitingAsync(DeadLetterSeed.Call());

        Assert.Equal("""{"purged":1}""", await gateway.SystemAsync(HttpMethod.Delete, "queues/full/calls"));

        Assert.Equal(0, await seed.CountAsync("OF_full"));
        await gateway.Process.Process.LineAsync(line => line.Contains("still says that they wait", StringComparison.Ordinal), "it is told");
    }

    private static async Task FillAsync(NatsServer nats)
    {
        await using var connection = new NatsConnection(StoredCalls.OptionsFor(nats));
        var config = new NatsKVConfig(StreamNames.Results) { History = 1, MaxAge = BucketShape.MaxResultAge, MaxBytes = 1 };
        await connection.CreateKeyValueStoreContext().CreateStoreAsync(config);
    }
}
