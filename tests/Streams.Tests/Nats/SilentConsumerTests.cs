using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Connectors.Streams.Tests.Nats;

/// <summary>A consumer in a cluster that did not answer for a while, and may have lost its stream's end meanwhile: the connection leads to another server.</summary>
[Collection(nameof(ThreeServers))]
public sealed class SilentConsumerTests(ThreeServers cluster)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1, true)]
    [InlineData(3, false)]
    public async Task What_one_server_alone_holds_is_looked_up_before_anything_is_sent_for_it(int replicas, bool isLookedUp)
    {
        await cluster.HealAsync();
        var name = $"S{Guid.NewGuid():N}";
        await using var proxy = new NatsProxy(cluster.Nats.Servers[0].Port);
        await using var link = await TestLink.StartAsync(proxy.Port);
        await link.Link.OpenAsync(Eventually.Patience, Ct);
        await using var inbox = new PullInbox(link.Link, TimeProvider.System, NullLogger<PullInbox>.Instance);
        await inbox.OpenAsync(Ct);
        var setup = new StreamSetup(link.Link, TimeProvider.System, NullLogger<StreamSetup>.Instance);
        var consumers = new ConsumerSetup(link.Link, setup, TimeProvider.System, NullLogger<ConsumerSetup>.Instance);
        var shape = new StreamShape { Name = name, Subjects = $"{name}.>", Retention = StreamRetention.WorkQueue, Replicas = replicas };
        await Eventually.HoldsAsync(async () => await setup.EnsureAsync(shape, isFirst: true, Ct) is not null, "the stream is made");
        using var consumer = StreamConsumer.Shared(inbox, consumers, name, "c", $"{name}.>", TimeSpan.FromHours(1), TimeProvider.System);
        var first = new FirstDelivery();
        consumer.Listen(first);
        await Eventually.HoldsAsync(async () => await link.Link.JetStream.PublishAsync($"{name}.x", "x", cancellationToken: Ct) is { Error: null, Seq: > 0 }, "it is stored");
        await Eventually.HoldsAsync(
            async () =>
            {
                if (!consumer.IsBound)
                {
                    await consumer.BindAsync(Ct);
                }

                _ = consumer.Outstanding > 0 || consumer.TryPull(1, waits: true);
                return first.Came.IsCompleted;
            },
            "it comes");
        var delivery = await first.Came;

        consumer.Answer(1, 1, PullSize.Ordinary, 503, "", lacking: null);
        var held = proxy.Hold($"$JS.API.STREAM.INFO.{name}");
        var isThere = delivery.IsThereAsync(Ct).AsTask();
        var isKnown = isThere.IsCompleted;
        held.Release();

        Assert.True(await isThere);
        Assert.Equal(isLookedUp, !isKnown);
    }
}
