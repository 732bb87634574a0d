using System.Text;
using Connectors.Streams.Nats;
using Connectors.Testing;
using Microsoft.Extensions.Time.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Tests.Nats;

/// <summary>What is sent for a delivery once its number may mean another message.</summary>
public sealed class NumbersTests : IAsyncLifetime
{
    private const string Name = "S";

    private readonly FakeTimeProvider _time = new();
    private NatsServer _server = null!;
    private NatsProxy _proxy = null!;
    private TestLink _link = null!;
    private TestLink _look = null!;
    private AckSender _acks = null!;
    private int _lost;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private INatsJSContext JetStream => _look.Link.JetStream;

    public async ValueTask InitializeAsync()
    {
        _server = await NatsServer.StartAsync();
        _proxy = new NatsProxy(_server.Port);
        _look = await TestLink.OpenAsync(_server);
        _link = await TestLink.StartAsync(_proxy.Port);
        await _link.Link.OpenAsync(Eventually.Patience, Ct);
        _acks = new AckSender(_link.Link, _time);
        _acks.Numbers.Lost = () => Interlocked.Increment(ref _lost);
        await _acks.OpenAsync(Ct);
        await MakeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _acks.CloseAsync();
        await _link.DisposeAsync();
        await _look.DisposeAsync();
        await _proxy.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Nothing_is_for_a_message_whose_number_is_anothers()
    {
        var first = await NextAsync();
        await JetStream.DeleteStreamAsync(Name, Ct);
        await MakeAsync();
        var second = await NextAsync();
        Assert.Equal(first.Place.Sequence, second.Place.Sequence);
        _acks.Numbers.Doubt();

        Assert.False(await first.ExtendAsync(Ct));
        await first.NakAsync(TimeSpan.Zero, Ct);
        await first.AckAsync(Ct);
        await _link.Link.Connection.PingAsync(Ct);

        Assert.Equal(1, (await ConsumerAsync()).Info.NumAckPending);
        await foreach (var again in (await ConsumerAsync()).FetchNoWaitAsync(new NatsJSFetchOpts { MaxMsgs = 1 }, NatsRawSerializer<byte[]>.Default, Ct))
        {
            Assert.Fail($"{again.ReplyTo} comes again");
        }

        Assert.Equal((1L, 1), (await CountAsync(), _lost));
        Assert.True(await second.ExtendAsync(Ct));
        await second.AckAsync(Ct);
        await IsEmptyAsync();
    }

    [Fact]
    public async Task All_is_for_a_message_that_is_still_there_over_another_process_of_its_server()
    {
        var delivery = await NextAsync();
        await _server.StopAsync();
        await _server.StartAgainAsync();
        await Eventually.HoldsAsync(() => _link.Reconnects > 0, "the link is open again");
        await _link.Link.OpenAsync(Eventually.Patience, Ct);

        Assert.True(await delivery.ExtendAsync(Ct));
        await delivery.AckAsync(Ct);

        await IsEmptyAsync();
        Assert.Equal(0, _lost);
    }

    // A worker has a thousand calls at work when a connection is back, and its leases are to be renewed.
    [Fact]
    public async Task One_look_at_their_stream_is_for_all_that_need_it_meanwhile()
    {
        var deliveries = new List<Delivery>();
        while (deliveries.Count < 20)
        {
            deliveries.Add(await NextAsync());
        }

        _acks.Numbers.Doubt();
        var looks = 0;
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _proxy.Before = async bytes =>
        {
            Interlocked.Add(ref looks, Encoding.ASCII.GetString(bytes.Span).Split($"$JS.API.STREAM.INFO.{Name} ").Length - 1);
            await go.Task;
        };
        var renewals = deliveries.Select(delivery => delivery.ExtendAsync(Ct).AsTask()).ToList();
        go.SetResult();

        Assert.DoesNotContain(false, await Task.WhenAll(renewals));
        Assert.Equal(1, looks);
    }

    [Fact]
    public async Task What_is_gone_for_its_own_ack_is_not_lost()
    {
        var delivery = await NextAsync((await ConsumerAsync()).Info.Created.UtcTicks);
        await delivery.AckAsync(Ct);
        await IsEmptyAsync();
        _acks.Numbers.Doubt();

        Assert.False(await delivery.ExtendAsync(Ct));
        Assert.Equal(0, _lost);
    }

    [Fact]
    public async Task An_ack_is_owed_for_as_long_as_nobody_tells_whether_its_message_is_there()
    {
        var delivery = await NextAsync();
        _acks.Numbers.Doubt();

        var held = _proxy.Hold($"$JS.API.STREAM.INFO.{Name}");
        var acking = delivery.AckAsync(Ct).AsTask();
        await held.Reached;
        _time.Advance(TimeSpan.FromSeconds(5));
        await Assert.ThrowsAsync<NatsException>(() => acking);
        Assert.Equal(1, await CountAsync());

        // Whoever stops waits for whoever sends it already.
        _ = _acks.SendOwedAsync();
        Assert.False(_acks.SendOwedAsync().IsCompleted);
        held.Release();

        await IsEmptyAsync(_acks.SendOwedAsync);
    }

    [Fact]
    public async Task An_ack_that_is_to_be_agreed_on_waits_for_it_though_nobody_tells_at_first_whether_its_message_is_there()
    {
        var made = (await ConsumerAsync()).Info.Created.UtcTicks;
        var delivery = await NextAsync(made);
        _acks.Numbers.Doubt();

        var held = _proxy.Hold($"$JS.API.STREAM.INFO.{Name}");
        var acking = delivery.AckAsync(Ct).AsTask();
        await held.Reached;
        _time.Advance(TimeSpan.FromSeconds(5));
        held.Release();

        await IsEmptyAsync(() => _acks.RepeatAsync($"{Name}.c", made));
        await acking;
    }

    [Fact]
    public async Task An_ack_that_is_to_be_agreed_on_is_owed_while_there_is_no_connection_and_sent_over_another_process_of_its_server()
    {
        var delivery = await NextAsync((await ConsumerAsync()).Info.Created.UtcTicks);
        await _server.StopAsync();
        await Eventually.HoldsAsync(() => !_link.Link.IsOpen, "the connection is lost");
        await Assert.ThrowsAsync<NatsException>(async () => await delivery.AckAsync(Ct));
        await _server.StartAgainAsync();

        await IsEmptyAsync(_acks.SendOwedAsync);
        Assert.Equal(0, _lost);
    }

    // The renewal would begin the wait anew, and for a whole lease.
    [Fact]
    public async Task No_renewal_is_after_a_nak()
    {
        var delivery = await NextAsync();

        await delivery.NakAsync(TimeSpan.FromMilliseconds(100), Ct);
        Assert.False(await delivery.ExtendAsync(Ct));

        Assert.Equal(delivery.Place, (await ComesAsync()).Place);
    }

    private async Task MakeAsync()
    {
        await JetStream.CreateStreamAsync(new StreamConfig(Name, ["s.>"]) { Retention = StreamConfigRetention.Workqueue }, Ct);
        await JetStream.CreateConsumerAsync(Name, new ConsumerConfig("c") { AckPolicy = ConsumerConfigAckPolicy.Explicit, AckWait = TimeSpan.FromHours(1) }, Ct);
    }

    private async Task<Delivery> NextAsync(long? made = null)
    {
        (await JetStream.PublishAsync("s.x", "x", cancellationToken: Ct)).EnsureSuccess();
        return await ComesAsync(made);
    }

    private async Task<Delivery> ComesAsync(long? made = null)
    {
        var message = (await (await ConsumerAsync()).NextAsync<string>(cancellationToken: Ct))!;
        return new Delivery(_acks, DeliveryAddress.Read(message.ReplyTo)!.Value, made, message.Subject, default, default);
    }

    private async Task<INatsJSConsumer> ConsumerAsync() => await JetStream.GetConsumerAsync(Name, "c", Ct);

    private async Task<long> CountAsync() => (await JetStream.GetStreamAsync(Name, cancellationToken: Ct)).Info.State.Messages;

    private Task IsEmptyAsync(Func<Task>? meanwhile = null) => Eventually.HoldsAsync(
        async () =>
        {
            await (meanwhile?.Invoke() ?? Task.CompletedTask);
            return await CountAsync() == 0;
        },
        "the message is acked");
}
