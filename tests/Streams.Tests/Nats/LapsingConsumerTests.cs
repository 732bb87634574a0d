using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Tests.Nats;

/// <summary>Where the state of a consumer lies that lapses by itself.</summary>
[Collection(nameof(ThreeServers))]
public sealed class LapsingConsumerTests(ThreeServers cluster)
{
    private readonly string _name = $"S{Guid.NewGuid():N}";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1, 3)]
    [InlineData(3, 1)]
    public async Task It_lies_in_memory_where_one_server_holds_the_stream_and_stays_as_it_is_while_it_is_used(int replicas, int then)
    {
        await cluster.HealAsync();
        await using var link = await TestLink.OpenAsync(cluster.Nats.Servers[0]);
        var setup = new StreamSetup(link.Link, TimeProvider.System, NullLogger<StreamSetup>.Instance);
        var consumers = new ConsumerSetup(link.Link, setup, TimeProvider.System, NullLogger<ConsumerSetup>.Instance);
        var shape = new StreamShape { Name = _name, Subjects = $"{_name}.>", Retention = StreamRetention.WorkQueue, Replicas = replicas };
        var wanted = new ConsumerConfig { Name = "one", FilterSubject = $"{_name}.x", AckPolicy = ConsumerConfigAckPolicy.Explicit, InactiveThreshold = TimeSpan.FromMinutes(5) };
        var found = await setup.EnsureAsync(shape, isFirst: true, Ct);

        var made = await MadeAsync(consumers, wanted);
        await link.Link.JetStream.UpdateStreamAsync(found.Config with { NumReplicas = then }, Ct);
        await setup.EnsureAsync(shape, isFirst: false, Ct);
        var bound = await MadeAsync(consumers, wanted);
        var another = await MadeAsync(consumers, wanted with { Name = "another", FilterSubject = $"{_name}.y" });

        Assert.Equal(replicas == 1, made.Config.MemStorage);
        Assert.Equal((made.Created, made.Config.MemStorage), (bound.Created, bound.Config.MemStorage));
        Assert.Equal(then == 1, another.Config.MemStorage);
    }

    // While the stream moves to other servers these may refuse.
    private Task<ConsumerInfo> MadeAsync(ConsumerSetup consumers, ConsumerConfig wanted) =>
        Eventually.GetAsync<ConsumerInfo>(async () => (await consumers.EnsureAsync(_name, wanted, isFirst: false, Ct)).Info, $"{wanted.Name} is there");
}
