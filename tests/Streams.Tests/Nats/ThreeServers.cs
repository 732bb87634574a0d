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

    public ValueTask DisposeAsync() => Nats.DisposeAsync();
}
