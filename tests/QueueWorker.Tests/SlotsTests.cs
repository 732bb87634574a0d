using Connectors.QueueWorker.Callbacks;
using Connectors.QueueWorker.Consuming;
using Connectors.QueueWorker.Dispatching;
using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Connectors.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NATS.Client.Core;

namespace Connectors.QueueWorker.Tests;

public sealed class SlotsTests
{
    private static readonly QueueWorkerOptions Options = QueueWorkerOptions.Read(new Settings(new Dictionary<string, string>()));

    private readonly AckSender _acks = new(new NatsLink(
        new NatsOptions { Host = "127.0.0.1", Port = 1, Access = new BrokerAccess(), HostOption = "nats_host" },
        new NatsRole("test", IsNeeded: true, () => { }),
        new Readiness(),
        TimeProvider.System,
        NullLoggerFactory.Instance), TimeProvider.System);

    private int _sequence;

    [Fact]
    public async Task Work_over_its_limit_shows_and_slots_are_stuck_when_all_of_them_hold_such_work()
    {
        var time = new FakeTimeProvider();
        var handler = new Handler { Limit = TimeSpan.FromMinutes(1) };
        var slots = SlotsOf(2, handler, time);

        Assert.Equal(2, slots.TryTake(5));
        slots.Start(Next());
        await handler.StartsAsync(1);
        time.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal(TimeSpan.FromSeconds(1), slots.Overdue);
        Assert.False(slots.AreStuck);

        slots.Start(Next());
        await handler.StartsAsync(2);
        time.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal(TimeSpan.FromSeconds(62), slots.Overdue);
        Assert.True(slots.AreStuck);

        handler.Gate.SetResult();
        await slots.IdleAsync();
        Assert.Equal((false, TimeSpan.Zero, 2), (slots.AreStuck, slots.Overdue, slots.Free));
    }

    // A copy in doubt is written again before anything else; each write is repeated for ten leases. A call is sent, its result may be told directly, and its
    // callback, its dead letter and that of its callback are written; a callback is posted and two records may be written of it; what lay aside is written in
    // its stream, or as a dead letter.
    [Fact]
    public void Work_is_over_its_limit_only_after_all_that_it_may_take()
    {
        var options = QueueWorkerOptions.Read(new Settings(new Dictionary<string, string> { ["upstream_timeout"] = "7m", ["callback_timeout"] = "2m", ["ack_wait"] = "1m" }));
        var (time, random, write) = (TimeProvider.System, new Random(0), TimeSpan.FromMinutes(10));

        Assert.Equal(TimeSpan.FromMinutes(7 + 5 + 2) + (4 * write), new Dispatcher(options, null!, null!, null!, null!, null!, time, random).Limit);
        Assert.Equal(TimeSpan.FromMinutes(2) + (3 * write), new CallbackDispatcher(options, new CallbackSender(options, null!, time, NullLogger<CallbackSender>.Instance), null!, time, random).Limit);
        Assert.Equal(3 * write, new AsideReturn(options, null!, null!, null!, null!).Limit);
    }

    [Fact]
    public async Task Whatever_throws_the_slot_is_free_afterwards()
    {
        var handler = new Handler { Limit = TimeSpan.FromMinutes(1), Fault = new InvalidCastException("handled"), SecondFault = new InvalidCastException("failed") };
        var slots = SlotsOf(1, handler, TimeProvider.System);
        slots.Freed = () => throw new InvalidCastException("freed");
        handler.Gate.SetResult();

        Assert.Equal(1, slots.TryTake(1));
        slots.Start(Next(), _ => throw new InvalidCastException("ended"));
        await slots.IdleAsync();

        Assert.Equal((1, 0), (slots.Free, slots.Running));
    }

    [Fact]
    public async Task Whoever_pulls_hears_when_a_message_that_was_nakked_comes_again_however_its_handling_ended()
    {
        var handler = new Handler { Limit = TimeSpan.FromMinutes(1), Fault = new InvalidCastException("handled"), NakAfter = TimeSpan.FromSeconds(7) };
        var slots = SlotsOf(1, handler, TimeProvider.System);
        handler.Gate.SetResult();
        TimeSpan? again = null;

        Assert.Equal(1, slots.TryTake(1));
        slots.Start(Next(), handled => again = handled.Again);
        await slots.IdleAsync();

        Assert.Equal(TimeSpan.FromSeconds(7), again);
    }

    [Fact]
    public async Task What_runs_is_not_run_twice_and_its_second_slot_is_free_again()
    {
        var handler = new Handler { Limit = TimeSpan.FromMinutes(1) };
        var slots = SlotsOf(2, handler, TimeProvider.System);
        var delivery = Next();

        Assert.Equal(2, slots.TryTake(2));
        slots.Start(delivery);
        await handler.StartsAsync(1);
        slots.Start(Next(again: true));
        await Eventually.HoldsAsync(() => slots is { Free: 1, Running: 1 }, "the second slot is free");
        handler.Gate.SetResult();
        await slots.IdleAsync();

        Assert.Equal(1, handler.Started);
    }

    [Fact]
    public async Task What_runs_or_was_acked_and_comes_again_without_a_slot_is_not_nakked()
    {
        var handler = new Handler { Limit = TimeSpan.FromMinutes(1) };
        var acks = AcksOf(TimeProvider.System);
        var slots = SlotsOf(1, handler, TimeProvider.System, acks);

        Assert.Equal(1, slots.TryTake(1));
        slots.Start(Next());
        await handler.StartsAsync(1);
        slots.Nak(Next(again: true));
        await acks.AckAsync(Next(), default);
        slots.Nak(Next(again: true));
        Assert.Equal(0, handler.Nakked);

        slots.Nak(Next());
        handler.Gate.SetResult();
        await slots.IdleAsync();
        Assert.Equal((1, 1), (handler.Started, handler.Nakked));
    }

    // It may come again before its first handling has ended, at any moment of that end.
    [Fact]
    public async Task What_was_nakked_and_comes_again_at_once_is_run_or_given_back_and_never_kept()
    {
        const int Rounds = 20_000;
        var handler = new Handler { Limit = TimeSpan.FromMinutes(1), Fault = new InvalidCastException("handled") };
        var slots = SlotsOf(2, handler, TimeProvider.System);
        handler.Gate.SetResult();
        for (var i = 0; i < Rounds; i++)
        {
            var (first, second) = (Next(), Next(again: true));
            handler.Failing = async () =>
            {
                handler.Failing = null;

                // There is no server here.
                await Assert.ThrowsAsync<NatsException>(async () => await first.NakAsync(default, default));
                Assert.Equal(1, slots.TryTake(1));
                slots.Start(second);
                Thread.SpinWait(i % 200);
            };
            Assert.Equal(1, slots.TryTake(1));
            slots.Start(first);
            await slots.IdleAsync();
        }

        Assert.Equal(2 * Rounds, handler.Started);
    }

    private static Slots SlotsOf(int count, Handler handler, TimeProvider time, Acks? acks = null) =>
        new(count, handler, acks ?? AcksOf(time), new Grace(default, default), time, NullLogger.Instance);

    private static Acks AcksOf(TimeProvider time) => new(Options, null!, null!, new WaitingRetries(time), time, NullLogger<Acks>.Instance);

    private Delivery Next(bool again = false)
    {
        _sequence += again ? 0 : 1;
        var address = DeliveryAddress.Read($"$JS.ACK.stream.consumer.1.{_sequence}.{_sequence}.1700000000000000000.0");
        return new Delivery(_acks, address!.Value, made: null, "q.call.normal.ns.fn", default, default);
    }

    private sealed class Handler : IDeliveryHandler
    {
        private int _started;

        public required TimeSpan Limit { get; init; }

        public Exception? Fault { get; init; }

        public Exception? SecondFault { get; init; }

        public TimeSpan? NakAfter { get; init; }

        public TaskCompletionSource Gate { get; } = new();

        public int Nakked { get; private set; }

        public Func<Task>? Failing { get; set; }

        public int Started => Volatile.Read(ref _started);

        public Task StartsAsync(int count) => Eventually.HoldsAsync(() => Started == count, $"{count} started");

        public async Task<Handled> HandleAsync(Delivery delivery, Grace grace)
        {
            Interlocked.Increment(ref _started);
            await Gate.Task;
            return Fault is null ? new Handled() : throw Fault;
        }

        public Task NakAsync(Delivery delivery, CancellationToken ct)
        {
            Nakked++;
            return Task.CompletedTask;
        }

        public async Task FailAsync(Delivery delivery, Exception fault, CancellationToken ct)
        {
            await (Failing?.Invoke() ?? Task.CompletedTask);
            if (NakAfter is { } delay)
            {
                // There is no server here.
                await Assert.ThrowsAsync<NatsException>(async () => await delivery.NakAsync(delay, ct));
            }

            _ = SecondFault is null ? 0 : throw SecondFault;
        }
    }
}
