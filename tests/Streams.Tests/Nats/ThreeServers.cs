using Connectors.Testing;

namespace Connectors.Streams.Tests.Nats;

/// <summary>A cluster for tests that leave it whole.</summary>
[CollectionDefinition(nameof(ThreeServers))]
public sealed class ThreeServers : ICollectionFixture<ThreeServers>, IAsyncLifetime
{
    public NatsCluster Nats { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Nats = await NatsCluster.StartAsync(TestLink.TryReplicasAsync);

    /// <summary>Waits until streams can be made on all three.</summary>
    public Task WholeAsync() => Eventually.HoldsAsync(
        async () =>
        {
            await TestLink.TryReplicasAsync(Nats.Servers[0]);
            return true;
        },
        "the cluster takes streams with replicas");

    /// <summary>Waits for the same; a server that a test before stopped, and failed with, goes on first.</summary>
    public Task HealAsync()
    {
        foreach (var server in Nats.Servers)
        {
            server.Resume();
        }

        return WholeAsync();
    }

    public ValueTask DisposeAsync() => Nats.DisposeAsync();
}
