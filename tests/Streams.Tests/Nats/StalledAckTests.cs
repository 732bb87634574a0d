using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Connectors.Streams.Tests.Nats;

/// <summary>A connection whose other side reads nothing for a while, and goes on.</summary>
public sealed class StalledAckTests
{
    [Fact]
    public async Task An_ack_that_it_does_not_take_is_sent_when_it_goes_on()
    {
        var ct = TestContext.Current.CancellationToken;
        var name = $"S{Guid.NewGuid():N}";
        await using var server = await NatsServer.StartAsync();
        await using var proxy = new NatsProxy(server.Port);
        await using var link = await TestLink.StartAsync(proxy.Port);
        await link.Link.OpenAsync(Eventually.Patience, ct);
        await using var inbox = new PullInbox(link.Link, TimeProvider.System, NullLogger<PullInbox>.Instance);
        await inbox.OpenAsync(ct);
        var setup = new StreamSetup(link.Link, TimeProvider.System, NullLogger<StreamSetup>.Instance);
        var consumers = new ConsumerSetup(link.Link, setup, TimeProvider.System, NullLogger<ConsumerSetup>.Instance);
        await setup.EnsureAsync(new StreamShape { Name = name, Subjects = $"{name}.>", Retention = StreamRetention.WorkQueue }, isFirst: true, ct);
        using var consumer = StreamConsumer.Shared(inbox, consumers, name, "c", $"{name}.>", TimeSpan.FromHours(1), TimeProvider.System);
        var first = new FirstDelivery();
        consumer.Listen(first);
        await consumer.BindAsync(ct);
        (await link.Link.JetStream.PublishAsync($"{name}.x", "x", cancellationToken: ct)).EnsureSuccess();
        Assert.True(consumer.TryPull(1, waits: true));
        var delivery = await first.Came.WaitAsync(Eventually.Patience, TimeProvider.System, ct);

        // Every buffer on the way is full once the client gives up.
        var held = proxy.Hold("fill");
        var megabyte = new byte[1_000_000];
        await Assert.ThrowsAsync<NatsTimeoutException>(async () =>
        {
            while (true)
            {
                await link.Link.Connection.PublishAsync("fill", megabyte, serializer: NatsRawSerializer<byte[]>.Default, cancellationToken: ct);
            }
        });
        await Assert.ThrowsAsync<NatsTimeoutException>(async () => await delivery.AckAsync(ct));
        held.Release();

        await Eventually.HoldsAsync(async () => (await link.Link.JetStream.GetStreamAsync(name, cancellationToken: ct)).Info.State.Messages == 0, "the ack has arrived");
        Assert.Equal(0, link.Reconnects);
    }
}
