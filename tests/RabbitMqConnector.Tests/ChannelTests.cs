using System.Collections.Concurrent;
using Connectors.RabbitMq.Broker;
using Connectors.RabbitMq.Consuming;
using Connectors.RabbitMq.Settling;
using Connectors.Sdk.Invocation;
using Connectors.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Connectors.RabbitMq.Tests;

/// <summary>What becomes of messages whose channel consumes no more, or has ended.</summary>
public sealed class ChannelTests : IAsyncDisposable
{
    private readonly SharedBroker _broker;
    private readonly Waiting _waiting = new(TimeProvider.System);
    private readonly BrokerDialer _dialer;
    private readonly BrokerWriter _writer;
    private readonly Settler _settler;

    public ChannelTests(SharedBroker broker)
    {
        _broker = broker;
        var options = Running.Options(("rabbitmq_url", broker.Server.Url), ("queues", "unused"));
        _dialer = new BrokerDialer(options, new Dialer(TimeProvider.System), TimeProvider.System, NullLogger<BrokerDialer>.Instance);
        _writer = new BrokerWriter(_dialer);
        var letters = new DeadLetters(options, _writer, TimeProvider.System, NullLogger<DeadLetters>.Instance);
        _settler = new Settler(options, letters, TimeProvider.System, new Random(1), NullLogger<Settler>.Instance);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _writer.DisposeAsync();

    // While its queue is consumed it would come at once again, and again.
    [Fact]
    public async Task What_nobody_wants_any_more_goes_back_once_its_queue_is_consumed_no_longer()
    {
        var queue = await _broker.CreateAsync("left");
        await using var connection = await _dialer.OpenAsync("test", Ct);
        var (channel, taken) = await ConsumeAsync(connection, queue);
        await _broker.Client.SendAsync(queue, "x");
        await Eventually.HoldsAsync(() => taken.Count == 1, "it is here");

        var leaving = taken.Single().UnwantedAsync(Ct).AsTask();
        Assert.False(leaving.IsCompleted);
        await channel.StopAsync(Ct);
        await leaving;

        await _broker.Client.HoldsAsync(queue, 1);
        Assert.Single(taken);
    }

    [Fact]
    public async Task What_came_by_a_channel_that_has_ended_waits_no_longer_and_all_else_does()
    {
        var (lost, kept) = (await _broker.CreateAsync("lost"), await _broker.CreateAsync("kept"));
        await using var connection = await _dialer.OpenAsync("test", Ct);
        await using var ending = await _dialer.OpenAsync("test", Ct);
        var (_, ofKept) = await ConsumeAsync(connection, kept);
        var (channel, ofLost) = await ConsumeAsync(ending, lost);
        foreach (var queue in new[] { lost, kept })
        {
            await _broker.Client.SendAsync(queue, "comes");
            await _broker.Client.SendAsync(queue, "backs off");
        }

        await Eventually.HoldsAsync(() => (ofLost.Count, ofKept.Count) == (2, 2), "all are here");
        foreach (var messages in new[] { ofLost, ofKept })
        {
            Assert.True(_waiting.TryAdd(messages.First(), TimeSpan.Zero));
            Assert.True(_waiting.TryAdd(messages.Last(), TimeSpan.FromHours(1)));
        }

        await ending.DisposeAsync();
        await Eventually.HoldsAsync(() => !channel.IsOpen, "its channel has ended");
        _waiting.ForgetLost();

        Assert.Equal<RabbitMqMessage>(ofKept, _waiting.Close());
    }

    private async Task<(QueueChannel Channel, ConcurrentQueue<RabbitMqMessage> Taken)> ConsumeAsync(BrokerConnection connection, string queue)
    {
        var channel = await connection.OpenAsync(new QueueSpec(queue), prefetch: 10, Ct);
        var taken = new ConcurrentQueue<RabbitMqMessage>();

        // Nobody asks for an outage here.
        await channel.ConsumeAsync(message => taken.Enqueue(new RabbitMqMessage(MessageEvent.Bare(message, queue), message, channel, _waiting, null!, 0, _settler)), Ct);
        return (channel, taken);
    }
}
