using Connectors.Testing;
using NATS.Client.JetStream;

namespace Connectors.Conformance.Tests.Nats;

public sealed class AckTests : JetStreamFixture
{
    private static readonly AckOpts Confirmed = new() { DoubleAck = true };
    private static readonly NatsJSNextOpts Soon = new() { Expires = TimeSpan.FromSeconds(1), IdleHeartbeat = TimeSpan.FromMilliseconds(500) };

    [Fact]
    public async Task A_message_tells_where_it_comes_from()
    {
        await PublishAsync(2, "s.x");
        var consumer = await ConsumerAsync();

        var msg = (await consumer.NextAsync<int>())!;

        var metadata = msg.Metadata!.Value;
        Assert.Equal("s.x", msg.Subject);
        Assert.Equal(("S", "C", 1UL, 1UL, 1UL, 1UL), (metadata.Stream, metadata.Consumer, metadata.Sequence.Stream, metadata.Sequence.Consumer, metadata.NumDelivered, metadata.NumPending));
        Assert.True(metadata.Timestamp > DateTimeOffset.UnixEpoch.AddYears(50));
        Assert.StartsWith("$JS.ACK.S.C.", msg.ReplyTo, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_acked_message_does_not_come_again()
    {
        await PublishAsync(1);
        var consumer = await ConsumerAsync();

        await (await consumer.NextAsync<int>())!.AckAsync(Confirmed);

        await consumer.RefreshAsync();
        Assert.Equal((0, 1UL), (consumer.Info.NumAckPending, consumer.Info.AckFloor.StreamSeq));
        Assert.Null(await consumer.NextAsync<int>(opts: Soon));
    }

    [Fact]
    public async Task An_ack_without_confirmation_arrives_too()
    {
        await PublishAsync(1);
        var consumer = await ConsumerAsync();

        await (await consumer.NextAsync<int>())!.AckAsync();

        await Eventually.HoldsAsync(async () =>
        {
            await consumer.RefreshAsync();
            return consumer.Info.AckFloor.StreamSeq == 1;
        }, "the ack arrives");
    }

    [Fact]
    public async Task A_nakked_message_comes_again_at_once()
    {
        await PublishAsync(1);
        var consumer = await ConsumerAsync();

        await (await consumer.NextAsync<int>())!.NakAsync();

        Assert.Equal(2UL, (await consumer.NextAsync<int>())!.Metadata!.Value.NumDelivered);
    }

    [Fact]
    public async Task A_nak_with_a_delay_gives_way_to_other_messages()
    {
        await PublishAsync(2);
        var consumer = await ConsumerAsync();
        await (await consumer.NextAsync<int>())!.NakAsync(Confirmed with { NakDelay = TimeSpan.FromSeconds(15) });

        var other = (await consumer.NextAsync<int>())!;
        var none = await consumer.NextAsync<int>(opts: Soon);
        var again = (await consumer.NextAsync<int>())!;

        Assert.Equal(1, other.Data);
        Assert.Null(none);
        Assert.Equal((0, 2UL), (again.Data, again.Metadata!.Value.NumDelivered));
    }

    [Fact]
    public async Task A_message_that_is_not_settled_comes_again_after_the_ack_wait()
    {
        await PublishAsync(1);
        var consumer = await ConsumerAsync(ackWait: TimeSpan.FromSeconds(1));
        await consumer.NextAsync<int>();

        Assert.Equal(2UL, (await consumer.NextAsync<int>())!.Metadata!.Value.NumDelivered);
    }

    [Fact]
    public async Task Progress_keeps_a_message_from_coming_again()
    {
        await PublishAsync(1);
        var consumer = await ConsumerAsync(ackWait: TimeSpan.FromSeconds(10));
        var msg = (await consumer.NextAsync<int>())!;

        // The pull lasts longer than the ack wait.
        var pull = consumer.NextAsync<int>(opts: new NatsJSNextOpts { Expires = TimeSpan.FromSeconds(15) }).AsTask();
        while (!pull.IsCompleted)
        {
            await msg.AckProgressAsync(Confirmed);
            await Task.WhenAny(pull, Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System));
        }

        Assert.Null(await pull);
        await msg.AckAsync(Confirmed);
        await consumer.RefreshAsync();
        Assert.Equal(0, consumer.Info.NumRedelivered);
    }

    [Fact]
    public async Task A_terminated_message_does_not_come_again()
    {
        await PublishAsync(1);
        var consumer = await ConsumerAsync(ackWait: TimeSpan.FromSeconds(1));

        await (await consumer.NextAsync<int>())!.AckTerminateAsync(Confirmed);

        await consumer.RefreshAsync();
        Assert.Equal(0, consumer.Info.NumAckPending);
        Assert.Null(await consumer.NextAsync<int>(opts: new NatsJSNextOpts { Expires = TimeSpan.FromSeconds(2) }));
    }
}
