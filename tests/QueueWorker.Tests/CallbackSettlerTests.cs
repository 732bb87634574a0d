using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.QueueWorker.Tests;

/// <summary>Which callback records are given up because their handling throws: not those that were only put off.</summary>
public sealed class CallbackSettlerTests
{
    private static readonly QueueWorkerOptions Options = QueueWorkerOptions.Read(new Settings(new Dictionary<string, string> { ["history"] = "off" }));
    private static readonly CallbackRecord Posted = new() { Status = 200, Since = DateTimeOffset.UnixEpoch };

    private readonly AckSender _sender;
    private readonly CallbackSettler _settler;
    private int _count = 100;

    public CallbackSettlerTests()
    {
        // Never opened: what would be sent is logged as lost, and what would be stored is waited for.
        var time = new FakeTimeProvider();
        var link = new NatsLink(
            new NatsOptions { Host = "127.0.0.1", Port = 1, Access = new BrokerAccess(), HostOption = "nats_host" },
            new NatsRole("test", IsNeeded: true, () => { }),
            new Readiness(),
            time,
            NullLoggerFactory.Instance);
        _sender = new AckSender(link, time);
        var publisher = new StreamPublisher(link, time, NullLogger<StreamPublisher>.Instance);
        var writer = new RecordWriter(Options, publisher);
        var acks = new Acks(Options, link, writer, new WaitingRetries(time), time, NullLogger<Acks>.Instance);
        var setup = new StreamSetup(link, time, NullLogger<StreamSetup>.Instance);
        _settler = new CallbackSettler(
            writer,
            new DeadLetters(Options, writer, time, NullLogger<DeadLetters>.Instance),
            acks,
            new CallHistory(Options, publisher, setup, link, time, NullLogger<CallHistory>.Instance),
            time);
    }

    [Fact]
    public async Task A_record_that_was_delivered_often_is_tried_as_often_as_any_other_when_its_handling_throws()
    {
        await FailsAsync(1, times: 4);
        await FailsAsync(2, times: 4);

        Assert.False(await IsNakkedAsync(1));
        Assert.False(await IsNakkedAsync(2));
    }

    [Fact]
    public async Task Faults_of_a_record_that_has_ended_are_forgotten()
    {
        await FailsAsync(1, times: 4);
        await _settler.DoneAsync(Next(1), Bench.Call(), Posted, 200, TestContext.Current.CancellationToken);

        await FailsAsync(1, times: 4);
        Assert.False(await IsNakkedAsync(1));
    }

    [Fact]
    public async Task What_could_not_be_stored_is_no_fault_of_the_record()
    {
        for (var i = 0; i < 9; i++)
        {
            var delivery = Next(1);
            await _settler.FailAsync(delivery, new NotStoredException("full"), TestContext.Current.CancellationToken);
            Assert.True(delivery.IsNakked);
        }

        await FailsAsync(1, times: 4);
    }

    private async Task FailsAsync(int sequence, int times)
    {
        for (var i = 0; i < times; i++)
        {
            Assert.True(await IsNakkedAsync(sequence));
        }
    }

    // One that is not nakked is given up, which is not over before its dead letter is stored.
    private async Task<bool> IsNakkedAsync(int sequence)
    {
        using var stopping = new CancellationTokenSource();
        var delivery = Next(sequence);
        var failing = _settler.FailAsync(delivery, new InvalidCastException("of ours"), stopping.Token);
        if (delivery.IsNakked)
        {
            await failing;
            return true;
        }

        await stopping.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => failing);
        return false;
    }

    private Delivery Next(int sequence)
    {
        var address = DeliveryAddress.Read($"$JS.ACK.stream.consumer.{_count++}.{sequence}.{sequence}.1700000000000000000.0");
        return new Delivery(_sender, address!.Value, made: null, StreamNames.CallbackSubject("q", Bench.Echo), default, default);
    }
}
