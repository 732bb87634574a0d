using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Tests.Nats;

/// <summary>Acks of a stream that three servers hold.</summary>
[Collection(nameof(ThreeServers))]
public sealed class AgreedAckTests(ThreeServers cluster) : IAsyncLifetime
{
    private readonly string _name = $"S{Guid.NewGuid():N}";
    private readonly Deliveries _came = new();
    private TestLink _link = null!;
    private PullInbox _inbox = null!;
    private StreamConsumer _consumer = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await cluster.HealAsync();
        _link = await TestLink.OpenAsync(cluster.Nats.Servers[0]);
        _inbox = new PullInbox(_link.Link, TimeProvider.System, NullLogger<PullInbox>.Instance);
        await _inbox.OpenAsync(Ct);
        var shape = new StreamShape { Name = _name, Subjects = $"{_name}.>", Retention = StreamRetention.WorkQueue, Replicas = 3 };
        var setup = new StreamSetup(_link.Link, TimeProvider.System, NullLogger<StreamSetup>.Instance);
        var consumers = new ConsumerSetup(_link.Link, setup, TimeProvider.System, NullLogger<ConsumerSetup>.Instance);
        await Eventually.HoldsAsync(async () => await setup.EnsureAsync(shape, isFirst: true, Ct) is not null, "the stream is made");

        // Longer than a pull waits: none that stands there brings a message again whose ack is not agreed on yet.
        _consumer = StreamConsumer.Shared(_inbox, consumers, _name, "c", $"{_name}.>", TimeSpan.FromSeconds(10), TimeProvider.System);
        _consumer.Listen(_came);
        await BindAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _consumer.Dispose();
        await _inbox.DisposeAsync();
        await _link.DisposeAsync();
    }

    [Fact]
    public async Task An_ack_is_not_over_before_the_servers_have_agreed()
    {
        await LeadAsync(isFirst: true);
        var delivery = await NextAsync();
        Task ack;
        bool wasOver;
        try
        {
            cluster.Nats.Servers[1].Pause();
            cluster.Nats.Servers[2].Pause();
            ack = delivery.AckAsync(Ct).AsTask();
            await _inbox.FlushAsync(Ct);
            wasOver = ack.IsCompleted;
        }
        finally
        {
            cluster.Nats.Servers[1].Resume();
            cluster.Nats.Servers[2].Resume();
        }

        await Task.WhenAny(ack);
        _ = ack.IsCompletedSuccessfully ? delivery : await AckedAsync(delivery);

        Assert.False(wasOver);
    }

    [Fact]
    public async Task An_ack_that_no_consumer_takes_fails_at_once()
    {
        // Then the server that takes the ack knows of the deletion once it is answered; another one's word of it may come later.
        await LeadAsync(isFirst: true);
        var delivery = await NextAsync();
        await DeletedAsync();

        var fault = await Assert.ThrowsAsync<NatsException>(async () => await delivery.AckAsync(Ct));

        Assert.EndsWith("nobody serves the consumer", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_ack_that_a_consumer_made_anew_does_not_answer_is_given_up_and_the_message_comes_again()
    {
        var delivery = await NextAsync();
        await DeletedAsync();
        await BindAsync();

        await Assert.ThrowsAsync<NatsException>(async () => await delivery.AckAsync(Ct));
        var again = await AckedAsync(null);

        Assert.Equal(delivery.Place, again.Place);
    }

    [Fact]
    public async Task An_ack_that_a_leader_took_and_lost_is_agreed_by_the_next_one()
    {
        // A server that is paused answers nobody: whoever is connected to it learns nothing either.
        await LeadAsync(isFirst: false);
        await BindAsync();
        var delivery = await NextAsync();
        await LeadAsync(isFirst: false);
        var leader = await LeaderAsync();
        Task ack;
        try
        {
            leader.Pause();
            ack = delivery.AckAsync(Ct).AsTask();
            await Task.WhenAny(ack);
        }
        finally
        {
            leader.Resume();
        }

        await cluster.WholeAsync();

        Assert.True(ack.IsCompletedSuccessfully, ack.Exception?.ToString());
        await Eventually.HoldsAsync(async () => (await _link.Link.JetStream.GetStreamAsync(_name, cancellationToken: Ct)).Info.State.Messages == 0, "the message is through");
        Assert.Single(_came.All);
    }

    // Server 0 is the one that this link is connected to.
    private Task LeadAsync(bool isFirst) => Eventually.HoldsAsync(
        async () =>
        {
            if (await LeaderAsync() == cluster.Nats.Servers[0] == isFirst)
            {
                return true;
            }

            await _link.Link.Connection.RequestAsync<string>($"$JS.API.CONSUMER.LEADER.STEPDOWN.{_name}.c", cancellationToken: Ct);
            return false;
        },
        $"server 0 leads: {isFirst}");

    private Task DeletedAsync() => Eventually.HoldsAsync(
        async () =>
        {
            try
            {
                return await _link.Link.JetStream.DeleteConsumerAsync(_name, "c", Ct);
            }
            catch (NatsJSApiException missing) when (missing.Error.Code == 404)
            {
                return true;
            }
        },
        "the consumer is deleted");

    // Until it holds: a cluster that has just come together may elect once more. Null for the next delivery.
    private async Task<Delivery> AckedAsync(Delivery? delivery)
    {
        await Eventually.HoldsAsync(
            async () =>
            {
                if ((await _link.Link.JetStream.GetStreamAsync(_name, cancellationToken: Ct)).Info.State.Messages == 0)
                {
                    return true;
                }

                await BindAsync();
                delivery = await NextAsync(publish: false);
                await delivery.AckAsync(Ct);
                return false;
            },
            "the message is through");
        return delivery!;
    }

    private async Task<Delivery> NextAsync(bool publish = true)
    {
        if (publish)
        {
            // Stored once, however often it is sent; an ack without a sequence is of what the servers have not agreed on yet.
            var opts = new NatsJSPubOpts { MsgId = Guid.NewGuid().ToString() };
            await Eventually.HoldsAsync(
                async () => await _link.Link.JetStream.PublishAsync($"{_name}.a", "x", opts: opts, cancellationToken: Ct) is { Error: null, Seq: > 0 }, "it is stored");
        }

        var count = _came.All.Count;
        await Eventually.HoldsAsync(
            () =>
            {
                if (_came.All.Count > count)
                {
                    return true;
                }

                _ = _consumer.Outstanding > 0 || _consumer.TryPull(1, waits: true);
                return false;
            },
            "it comes");
        return _came.All[^1];
    }

    private Task BindAsync() => Eventually.HoldsAsync(
        async () =>
        {
            await _consumer.BindAsync(Ct);
            return true;
        },
        "the consumer is there");

    private async Task<ConsumerInfo> InfoAsync() => (await _link.Link.JetStream.GetConsumerAsync(_name, "c", Ct)).Info;

    private async Task<NatsServer> LeaderAsync() => cluster.Nats.Named(await Eventually.GetAsync(
        async () => (await InfoAsync()).Cluster is { Leader: { Length: > 0 } leader } ? leader : null, "the consumer has a leader"));

    private sealed class Deliveries : IPullListener
    {
        private readonly Lock _lock = new();
        private readonly List<Delivery> _all = [];

        public IReadOnlyList<Delivery> All
        {
            get
            {
                lock (_lock)
                {
                    return [.. _all];
                }
            }
        }

        public void Delivered(Delivery delivery, bool wasAsked, int outstanding)
        {
            lock (_lock)
            {
                _all.Add(delivery);
            }
        }

        public void Returned(int unused, PullEnd why, int outstanding)
        {
            // Who waits pulls again.
        }
    }
}
