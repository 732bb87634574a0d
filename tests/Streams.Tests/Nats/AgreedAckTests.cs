using Connectors.Streams.Nats;
using Connectors.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using NATS.Client.Core;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Tests.Nats;

/// <summary>Acks of a stream that three servers hold.</summary>
public sealed class AgreedAckTests(AgreedAckTests.Cluster cluster) : IClassFixture<AgreedAckTests.Cluster>, IAsyncLifetime
{
    private readonly string _stream = $"S{Guid.NewGuid():N}";
    private readonly Deliveries _came = new();
    private TestLink _link = null!;
    private PullInbox _inbox = null!;
    private StreamConsumer _consumer = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _link = await TestLink.OpenAsync(cluster.Nats.Servers[0]);
        _inbox = new PullInbox(_link.Link, TimeProvider.System, NullLogger<PullInbox>.Instance);
        await _inbox.OpenAsync(Ct);
        var config = new StreamConfig(_stream, [$"{_stream}.>"]) { NumReplicas = 3, Retention = StreamConfigRetention.Workqueue };
        await Eventually.HoldsAsync(async () => await _link.Link.JetStream.CreateStreamAsync(config, Ct) is not null, "the stream is made");
        var setup = new StreamSetup(_link.Link, NullLogger<StreamSetup>.Instance);
        _consumer = StreamConsumer.Shared(_inbox, setup, _stream, "c", $"{_stream}.>", TimeSpan.FromSeconds(2), TimeProvider.System);
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
    public async Task What_was_agreed_outlives_the_leader()
    {
        await (await NextAsync()).AckAsync(Ct);

        var leader = await LeaderAsync();
        await leader.KillAsync();
        await leader.StartAgainAsync();
        await cluster.WholeAsync();

        await Eventually.HoldsAsync(async () => (await InfoAsync()) is { NumAckPending: 0, NumPending: 0, AckFloor.StreamSeq: 1 }, "the message is through");
    }

    [Fact]
    public async Task An_ack_that_no_consumer_takes_fails_at_once()
    {
        var delivery = await NextAsync();
        await Eventually.HoldsAsync(async () => await _link.Link.JetStream.DeleteConsumerAsync(_stream, "c", Ct), "the consumer is deleted");

        var fault = await Assert.ThrowsAsync<NatsException>(async () => await delivery.AckAsync(Ct));

        Assert.Contains("nobody serves the consumer", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_ack_whose_leader_is_another_meanwhile_is_not_waited_for_and_the_message_comes_again()
    {
        // A server that is paused answers nobody: whoever is connected to it learns nothing either.
        await Eventually.HoldsAsync(
            async () =>
            {
                if (await LeaderAsync() != cluster.Nats.Servers[0])
                {
                    return true;
                }

                await _link.Link.Connection.RequestAsync<string>($"$JS.API.CONSUMER.LEADER.STEPDOWN.{_stream}.c", cancellationToken: Ct);
                return false;
            },
            "another server leads");
        await BindAsync();
        var delivery = await NextAsync();
        var leader = await LeaderAsync();
        leader.Pause();

        var fault = await Assert.ThrowsAsync<NatsException>(async () => await delivery.AckAsync(Ct));
        leader.Resume();
        await cluster.WholeAsync();
        await BindAsync();
        var again = await NextAsync(publish: false);
        await again.AckAsync(Ct);

        Assert.EndsWith("its consumer has another leader", fault.Message, StringComparison.Ordinal);
        Assert.Equal(delivery.Place, again.Place);
    }

    private async Task<Delivery> NextAsync(bool publish = true)
    {
        if (publish)
        {
            await Eventually.HoldsAsync(async () => (await _link.Link.JetStream.PublishAsync($"{_stream}.a", "x", cancellationToken: Ct)).Error is null, "it is stored");
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

    private async Task<ConsumerInfo> InfoAsync() => (await _link.Link.JetStream.GetConsumerAsync(_stream, "c", Ct)).Info;

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

    public sealed class Cluster : IAsyncLifetime
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
}
