using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.QueueWorker.Tests;

/// <summary>Which deliveries are taken for lost workers, and which messages for ones that still wait.</summary>
public sealed class AcksTests
{
    private static readonly QueueWorkerOptions Options = QueueWorkerOptions.Read(new Settings(new Dictionary<string, string>()));

    private readonly FakeTimeProvider _time = new();
    private readonly AckSender _sender;
    private readonly WaitingRetries _waiting;
    private readonly Acks _acks;

    public AcksTests()
    {
        // Never opened: what would be sent is logged as lost.
        var link = new NatsLink(
            new NatsOptions { Host = "127.0.0.1", Port = 1, Access = new BrokerAccess(), HostOption = "nats_host" },
            new NatsRole("test", IsNeeded: true, () => { }),
            new Readiness(),
            _time,
            NullLoggerFactory.Instance);
        _sender = new AckSender(link, _time);
        _waiting = new WaitingRetries(_time);
        var writer = new RecordWriter(Options, new StreamPublisher(link, _time, NullLogger<StreamPublisher>.Instance));
        _acks = new Acks(Options, link, writer, _waiting, _time, NullLogger<Acks>.Instance);
    }

    [Fact]
    public async Task A_copy_that_is_too_large_says_nothing_of_other_messages()
    {
        var large = Next(1, count: 9, size: 2 << 20);

        await _acks.NakAsync(large, Bench.Call(), TimeSpan.Zero, TestContext.Current.CancellationToken);

        Assert.True(large.IsNakked);
        Assert.Equal((1, 7), (_acks.UnsettledDeliveries(large), _acks.UnsettledDeliveries(Next(2, count: 7))));
    }

    [Theory]
    [InlineData(WriteResult.TooLarge, 7)]
    [InlineData(WriteResult.Full, 1)]
    [InlineData(WriteResult.Refused, 1)]
    public void Only_a_stream_that_refuses_puts_the_count_of_lost_workers_in_doubt(WriteResult why, int unsettledOfOthers)
    {
        _acks.Refused(Next(1, count: 7), why);

        Assert.Equal((1, unsettledOfOthers), (_acks.UnsettledDeliveries(Next(1, count: 7)), _acks.UnsettledDeliveries(Next(2, count: 7))));
    }

    // The fifth delivery is the last that may be a try.
    [Theory]
    [InlineData(1, false)]
    [InlineData(4, false)]
    [InlineData(5, true)]
    [InlineData(6, true)]
    public async Task A_fault_of_ours_gets_some_more_tries_and_then_is_the_messages_own(int count, bool isEnd)
    {
        var ends = new List<string>();
        var delivery = Next(1, count);

        await _acks.FailAsync(
            delivery,
            new InvalidCastException("of ours"),
            (_, error, _) =>
            {
                ends.Add(error);
                return Task.CompletedTask;
            },
            TestContext.Current.CancellationToken);

        Assert.Equal(isEnd ? (TimeSpan?)null : TimeSpan.FromSeconds(5), delivery.Again);
        Assert.Equal(isEnd ? "it cannot be handled: of ours" : null, ends.SingleOrDefault());
    }

    [Fact]
    public async Task What_could_not_be_stored_is_given_back_for_one_lease_however_often()
    {
        for (var count = 1; count <= 9; count++)
        {
            var delivery = Next(1, count);
            await _acks.FailAsync(
                delivery, new NotStoredException("full"), (_, error, _) => throw new InvalidOperationException($"ended: {error}"), TestContext.Current.CancellationToken);
            Assert.Equal(((TimeSpan?)Options.Consuming.AckWait, 1), (delivery.Again, _acks.UnsettledDeliveries(Next(1, count))));
        }
    }

    [Fact]
    public async Task What_a_stream_refused_is_given_back_for_the_time_that_was_asked_for()
    {
        var delivery = Next(1, count: 7);

        await _acks.NakRefusedAsync(delivery, TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken);

        Assert.Equal(TimeSpan.FromSeconds(2), delivery.Again);
        Assert.Equal((1, 1), (_acks.UnsettledDeliveries(delivery), _acks.UnsettledDeliveries(Next(2, count: 7))));
        _time.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal((1, 7), (_acks.UnsettledDeliveries(delivery), _acks.UnsettledDeliveries(Next(2, count: 7))));
    }

    // A stream that refuses for days would fill the memory with what it refused.
    [Fact]
    public void Of_more_refusals_than_are_remembered_all_are_forgotten()
    {
        const int Remembered = 100_000;
        for (var sequence = 1; sequence <= Remembered; sequence++)
        {
            _acks.Refused(Next(sequence, count: 7), WriteResult.TooLarge);
        }

        Assert.Equal(1, _acks.UnsettledDeliveries(Next(1, count: 7)));

        _acks.Refused(Next(Remembered + 1, count: 7), WriteResult.TooLarge);

        Assert.Equal((7, 1), (_acks.UnsettledDeliveries(Next(1, count: 7)), _acks.UnsettledDeliveries(Next(Remembered + 1, count: 7))));
    }

    [Fact]
    public async Task A_retry_waits_until_its_time_or_its_ack()
    {
        foreach (var sequence in (int[])[1, 2, 3])
        {
            await _acks.NakAsync(Next(sequence, count: 1), Bench.Call(), TimeSpan.FromHours(sequence), TestContext.Current.CancellationToken);
        }

        Assert.Equal(3, _waiting.Count()[Bench.Echo.ToString()]);
        await _acks.AckAsync(Next(3, count: 2), TestContext.Current.CancellationToken);
        Assert.Equal(2, _waiting.Count()[Bench.Echo.ToString()]);
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(1, _waiting.Count()[Bench.Echo.ToString()]);
    }

    [Fact]
    public void What_was_acked_is_known_for_some_ack_waits_and_until_others_are_acked()
    {
        var opened = _time.GetTimestamp();
        var acked = new AckedMessages(Options.Consuming.AckWait, () => _time.GetElapsedTime(opened), _time);
        acked.Add(Next(1, count: 1).Place);
        _time.Advance(TimeSpan.FromDays(1));
        Assert.True(acked.Contains(Next(1, count: 2).Place));

        acked.Add(Next(2, count: 1).Place);
        Assert.True(acked.Contains(Next(1, count: 3).Place));

        _time.Advance(4 * Options.Consuming.AckWait);
        acked.Add(Next(3, count: 1).Place);

        Assert.False(acked.Contains(Next(1, count: 4).Place));
        Assert.True(acked.Contains(Next(2, count: 2).Place));
    }

    [Fact]
    public void Of_very_many_that_are_acked_at_once_the_oldest_are_forgotten()
    {
        const int Generation = 1 << 17;
        var acked = new AckedMessages(Options.Consuming.AckWait, () => null, _time);
        for (var sequence = 1; sequence <= (2 * Generation) + 1; sequence++)
        {
            acked.Add(PlaceOf(sequence));
        }

        Assert.Equal(
            [false, false, true, true, true],
            new[] { 1, Generation, Generation + 1, 2 * Generation, (2 * Generation) + 1 }.Select(sequence => acked.Contains(PlaceOf(sequence))));

        static MessagePlace PlaceOf(int sequence) => new("stream", (ulong)sequence, DateTimeOffset.UnixEpoch);
    }

    // Calls of some minutes that end one after the other while the broker is away: no ack of theirs arrives before it is back.
    [Fact]
    public void What_was_acked_while_no_ack_could_arrive_is_known_for_some_ack_waits_after_it_could()
    {
        long? opened = null;
        var acked = new AckedMessages(Options.Consuming.AckWait, () => opened is { } since ? _time.GetElapsedTime(since) : null, _time);
        for (var ended = 1; ended <= 6; ended++)
        {
            acked.Add(Next(ended, count: 1).Place);
            _time.Advance(TimeSpan.FromMinutes(2));
        }

        opened = _time.GetTimestamp();
        acked.Add(Next(7, count: 1).Place);
        Assert.All(Enumerable.Range(1, 7), ended => Assert.True(acked.Contains(Next(ended, count: 2).Place)));

        _time.Advance(4 * Options.Consuming.AckWait);
        acked.Add(Next(8, count: 1).Place);
        Assert.All(Enumerable.Range(1, 8), ended => Assert.True(acked.Contains(Next(ended, count: 2).Place)));
    }

    [Theory]
    [InlineData(1, 5, 4, 4)]
    [InlineData(1, 5, 2, 2)]
    [InlineData(3, 5, 4, 2)]
    [InlineData(6, 5, 0, 0)]
    [InlineData(1, 2, 0, 2)]
    public void What_the_stream_does_not_hold_any_more_waits_no_longer(ulong first, ulong last, long stored, long waiting)
    {
        for (var sequence = 1; sequence <= 4; sequence++)
        {
            _waiting.Add(Next(sequence, count: 1).Place, "f.ns", TimeSpan.FromHours(1));
        }

        _waiting.Keep(first, last, new Dictionary<string, long> { ["f.ns"] = stored });

        Assert.Equal(waiting, _waiting.Count().GetValueOrDefault("f.ns"));
    }

    [Fact]
    public void No_more_are_remembered_as_waiting_than_there_is_room_for_and_each_that_waits_no_longer_makes_room()
    {
        var waiting = new WaitingRetries(_time) { MaxRemembered = 3 };
        Nak(1, 2, 3, 4, 5);
        Assert.Equal(3, Counted());

        // The same message again.
        Nak(3);
        waiting.Ended(Place(1));
        waiting.Ended(Place(1));
        Nak(6, 7);
        Assert.Equal(3, Counted());

        _time.Advance(TimeSpan.FromHours(2));
        Assert.Equal(2, Counted());
        Nak(8, 9);
        Assert.Equal(3, Counted());

        waiting.Keep(first: 7, last: 9, new Dictionary<string, long> { ["f.ns"] = 3 });
        Assert.Equal(1, Counted());
        Nak(10, 11, 12);
        Assert.Equal(3, Counted());

        long Counted() => waiting.Count()["f.ns"];

        void Nak(params int[] sequences)
        {
            foreach (var sequence in sequences)
            {
                waiting.Add(Place(sequence), "f.ns", TimeSpan.FromHours(sequence));
            }
        }

        MessagePlace Place(int sequence) => Next(sequence, count: 1).Place;
    }

    private Delivery Next(int sequence, int count, int size = 0)
    {
        var address = DeliveryAddress.Read($"$JS.ACK.stream.consumer.{count}.{sequence}.{sequence}.1700000000000000000.0");
        return new Delivery(_sender, address!.Value, made: null, StreamNames.CallSubject("q", Priority.Normal, Bench.Echo), default, new byte[size]);
    }
}
