using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Microsoft.Extensions.Logging.Abstractions;
using NATS.Client.JetStream.Models;

namespace Connectors.Simulation.Tests;

/// <summary>Acks that a cut connection may have lost, when they are sent again.</summary>
[Collection(SimulationTests.OnePool)]
public sealed class RepeatedAckTests
{
    private const int Count = 10;

    private readonly World _world = new(seed: 1);
    private readonly Broker _broker;
    private readonly SimulatedConnection _connection;
    private readonly NatsLink _link;
    private readonly AckSender _acks;
    private readonly List<ulong> _sent = [];

    public RepeatedAckTests()
    {
        _broker = new Broker(_world);
        var process = new Process(_world, "worker-1");
        _connection = new SimulatedConnection(_world, _broker, process) { Acks = (_, sequence) => _sent.Add(sequence) };
        _link = new NatsLink(
            new NatsOptions { Host = "127.0.0.1", Port = 1, Access = new BrokerAccess(), HostOption = "nats_host" },
            new NatsRole("test", IsNeeded: true, () => { }),
            new Readiness(),
            process,
            NullLoggerFactory.Instance,
            SimulatedBuckets.Over(_connection, _broker));
        _acks = new AckSender(_link, process);
        _world.At(TimeSpan.Zero, () =>
        {
            _broker.Create(new StreamConfig("S", ["s.>"]));
            _ = _link.StartAsync(CancellationToken.None);
        });
        _world.At(TimeSpan.FromSeconds(1), () =>
        {
            for (var sequence = 1; sequence <= Count; sequence++)
            {
                var address = DeliveryAddress.Read($"$JS.ACK.S.c.1.{sequence}.{sequence}.1700000000000000000.0")!.Value;
                _ = new Delivery(_acks, address, made: null, "s.x", default, default).AckAsync(CancellationToken.None);
            }
        });
        _world.At(TimeSpan.FromSeconds(2), _connection.Cut);
    }

    [Fact]
    public async Task All_of_them_are_on_each_connection_to_the_same_server()
    {
        _world.At(TimeSpan.FromSeconds(3), _connection.Cut);

        await RunAsync();

        Assert.Equal(Enumerable.Repeat(Enumerable.Range(1, Count), 3).SelectMany(all => all), _sent.Select(sequence => (int)sequence));
    }

    [Fact]
    public async Task None_is_where_another_stream_has_taken_the_place_of_theirs()
    {
        _world.At(TimeSpan.FromSeconds(1.5), () => _acks.Numbers.Saw("S", DateTimeOffset.UnixEpoch.AddDays(-1)));

        await RunAsync();

        Assert.Equal(Count, _sent.Count);
    }

    // One that waits already goes out on the next connection, as with the client.
    [Fact]
    public async Task They_end_with_their_server()
    {
        var room = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _world.At(TimeSpan.FromSeconds(2), () => _connection.Room = room.Task);
        _world.At(TimeSpan.FromSeconds(3), () =>
        {
            _broker.GoDown();
            _broker.ComeUp();
        });
        _world.At(TimeSpan.FromSeconds(4), room.SetResult);

        await RunAsync();

        Assert.Equal(Count + 1, _sent.Count);
    }

    private async Task RunAsync()
    {
        _world.At(TimeSpan.FromSeconds(5), _world.End);
        await SimulationTests.OutsideThePoolAsync(() => Assert.Null(_world.Run()));
    }
}
