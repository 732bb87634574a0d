using System.Runtime.CompilerServices;
using Connectors.QueueWorker.Consuming;
using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Connectors.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Connectors.QueueWorker.Tests;

/// <summary>The loop of static mode over a real server.</summary>
public sealed class StaticSlotsTests(SharedNats nats) : IClassFixture<SharedNats>
{
    private const int Count = 8;
    private const int Rounds = 10;
    private const int MessagesInRound = 100;
    private const int Tries = 10;

    // Its decisions take so long that answers come in between: between what a consumer knows of its pulls and what the loop was told of them.
    [Fact]
    public async Task No_slot_is_lost_between_an_answer_and_its_being_told()
    {
        await using var loop = await Loop.StartAsync(nats.Server, new SlowClock());
        var stored = 0;
        for (var round = 0; round < Rounds; round++)
        {
            // Some at a time, so that others end while the last of them is asked for.
            var random = new Random(round);
            for (var i = 0; i < MessagesInRound; i++, stored++)
            {
                await loop.StoreAsync(random.Next(3) == 0 ? "high" : "normal");
                await Task.Delay(TimeSpan.FromMilliseconds(random.Next(3)), TimeProvider.System, TestContext.Current.CancellationToken);
            }

            await Eventually.HoldsAsync(() => loop.Ended == stored, () => $"all of round {round} run; {loop.Ended} of {stored} did");
            var gate = loop.Gate = new TaskCompletionSource();
            for (var i = 0; i < 2 * Count; i++, stored++)
            {
                await loop.StoreAsync("normal");
            }

            await Eventually.HoldsAsync(() => loop.Slots.Running == Count, () => $"all slots take messages after round {round}; {loop.Slots.Running} do");
            loop.Gate = null;
            gate.SetResult();
            await Eventually.HoldsAsync(() => loop.Ended == stored, "all run");
        }
    }

    [Fact]
    public async Task After_a_high_one_the_next_is_asked_for_beside_the_pull_that_stands_there_for_normal_ones()
    {
        await using var loop = await Loop.StartAsync(nats.Server, TimeProvider.System);
        var wasSeen = false;
        for (var i = 1; i <= Tries && !wasSeen; i++)
        {
            await loop.StandsAsync();
            var asked = loop.NormalPulls;
            await loop.StoreAsync("high");
            await Eventually.HoldsAsync(() => loop.Ended == i, "it runs");

            // That pull may end just now, on a busy machine; then another try tells.
            await Eventually.HoldsAsync(async () => (wasSeen = await loop.StandsAsync(asked)) || loop.NormalPulls != asked, "either");
        }

        Assert.True(wasSeen);
    }

    // Whoever else learns meanwhile that the pull is over has nothing to give back.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task No_slot_is_made_where_a_pull_is_forgotten_between_its_end_and_its_being_told(bool isForgotten)
    {
        await using var loop = await Loop.StartAsync(nats.Server, TimeProvider.System);
        await loop.StandsAsync();
        await loop.ForgetBetweenAsync(isForgotten);

        for (var i = 0; i < 2 * Count; i++)
        {
            loop.Gate ??= new TaskCompletionSource();
            await loop.StoreAsync("normal");
        }

        await Eventually.HoldsAsync(() => loop.AreAllTaken, "all slots are taken");
        Assert.Equal(Count, loop.Slots.Running);
        loop.Gate!.SetResult();
    }

    private sealed class Loop : IDeliveryHandler, IAsyncDisposable
    {
        private readonly string _name = $"S{Guid.NewGuid():N}";
        private readonly CancellationTokenSource _stopping = new();
        private readonly NatsLink _link;
        private readonly PullInbox _inbox;
        private readonly StreamConsumer _high;
        private readonly StreamConsumer _normal;
        private readonly StreamSetup _setup;
        private DirectSubscription? _pulls;
        private Task _running = Task.CompletedTask;
        private int _ended;
        private int _normalPulls;

        private Loop(QueueWorkerOptions options)
        {
            _link = new NatsLink(options.Nats, new NatsRole("test", IsNeeded: true, () => { }), new Readiness(), TimeProvider.System, NullLoggerFactory.Instance);
            _inbox = new PullInbox(_link, TimeProvider.System, NullLogger<PullInbox>.Instance);
            _setup = new StreamSetup(_link, TimeProvider.System, NullLogger<StreamSetup>.Instance);
            var consumers = new ConsumerSetup(_link, _setup, TimeProvider.System, NullLogger<ConsumerSetup>.Instance);
            _high = StreamConsumer.Shared(_inbox, consumers, _name, "high", $"{_name}.high", Limit, TimeProvider.System);
            _normal = StreamConsumer.Shared(_inbox, consumers, _name, "normal", $"{_name}.normal", Limit, TimeProvider.System);
            var acks = new Acks(options, null!, null!, new WaitingRetries(TimeProvider.System), TimeProvider.System, NullLogger<Acks>.Instance);
            Slots = new Slots(Count, this, acks, new Grace(default, default), TimeProvider.System, NullLogger.Instance);
        }

        public Slots Slots { get; }

        public int Ended => Volatile.Read(ref _ended);

        public int NormalPulls => Volatile.Read(ref _normalPulls);

        public TaskCompletionSource? Gate { get; set; }

        public TimeSpan Limit => TimeSpan.FromMinutes(5);

        public static async Task<Loop> StartAsync(NatsServer server, TimeProvider clock)
        {
            var ct = TestContext.Current.CancellationToken;
            var loop = new Loop(QueueWorkerOptions.Read(new Settings(new Dictionary<string, string> { ["nats_host"] = "127.0.0.1", ["nats_port"] = $"{server.Port}" })));
            await loop._link.StartAsync(ct);
            await loop._link.OpenAsync(ct);
            await loop._inbox.OpenAsync(ct);
            loop._pulls = await DirectSubscription.OpenAsync(
                loop._link.Connection, $"$JS.API.CONSUMER.MSG.NEXT.{loop._name}.normal", (_, _, _, _) => Interlocked.Increment(ref loop._normalPulls), ct);
            await loop._setup.EnsureAsync(new StreamShape { Name = loop._name, Subjects = $"{loop._name}.>", Retention = StreamRetention.WorkQueue }, isFirst: true, ct);
            await loop._high.BindAsync(ct);
            await loop._normal.BindAsync(ct);
            var pulling = new PullLoop([loop._high, loop._normal], loop.Slots, int.MaxValue, () => true, new Recheck(TimeProvider.System), clock, NullLogger.Instance);
            loop._running = pulling.RunAsync(loop._stopping.Token);
            return loop;
        }

        public async Task StoreAsync(string priority) =>
            await _link.JetStream.PublishAsync($"{_name}.{priority}", Array.Empty<byte>(), cancellationToken: TestContext.Current.CancellationToken);

        /// <summary>Whether no slot is left for what still waits.</summary>
        public bool AreAllTaken => Slots.Running >= Count && Slots.Free == 0 && _normal.Outstanding == 0;

        /// <summary>Has the pull that stands for high ones be forgotten once more, when it has ended and before the loop is told: with a message, or forgotten itself.</summary>
        public async Task ForgetBetweenAsync(bool isForgotten)
        {
            ref var listener = ref ListenerOf(_high);
            var between = new Between(listener!, _high.Forget);
            listener = between;
            if (isForgotten)
            {
                _high.Forget();
            }
            else
            {
                await StoreAsync("high");
                await Eventually.HoldsAsync(() => Ended == 1, "it runs");
            }

            Assert.True(between.WasMet);
            await _high.BindAsync(TestContext.Current.CancellationToken);
        }

        public Task StandsAsync() => Eventually.HoldsAsync(async () => await StandsAsync(NormalPulls), "pulls stand for both");

        /// <summary>Whether a pull stands for high ones, and for normal ones the one that was the last of so many.</summary>
        public async Task<bool> StandsAsync(int normalPulls)
        {
            var stands = _high.Outstanding == 1 && _normal.Outstanding > 0;

            // What was asked until now has been seen when this is answered.
            await _link.Connection.PingAsync(TestContext.Current.CancellationToken);
            return stands && NormalPulls == normalPulls;
        }

        public async Task<Handled> HandleAsync(Delivery delivery, Grace grace)
        {
            await (Gate?.Task ?? Task.Delay(TimeSpan.FromMilliseconds(delivery.Place.Sequence % 5), TimeProvider.System, grace.Sends));
            await delivery.AckAsync(grace.Writes);
            Interlocked.Increment(ref _ended);
            return new Handled();
        }

        public Task NakAsync(Delivery delivery, CancellationToken ct) => delivery.NakAsync(TimeSpan.Zero, ct).AsTask();

        public Task FailAsync(Delivery delivery, Exception fault, CancellationToken ct) => delivery.NakAsync(TimeSpan.Zero, ct).AsTask();

        public async ValueTask DisposeAsync()
        {
            Gate?.TrySetResult();
            await _stopping.CancelAsync();
            await _running;
            await Slots.IdleAsync();
            _high.Dispose();
            _normal.Dispose();
            await (_pulls?.DisposeAsync() ?? ValueTask.CompletedTask);
            await _inbox.DisposeAsync();
            await _link.StopAsync(CancellationToken.None);
            await _link.DisposeAsync();
            _stopping.Dispose();
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_listener")]
    private static extern ref IPullListener? ListenerOf(StreamConsumer consumer);

    private sealed class Between(IPullListener inner, Action step) : IPullListener
    {
        public bool WasMet { get; private set; }

        public void Delivered(Delivery delivery, bool wasAsked, int outstanding)
        {
            StepOnce();
            inner.Delivered(delivery, wasAsked, outstanding);
        }

        public void Returned(int unused, PullEnd why, int outstanding)
        {
            StepOnce();
            inner.Returned(unused, why, outstanding);
        }

        private void StepOnce()
        {
            if (!WasMet)
            {
                WasMet = true;
                step();
            }
        }
    }

    private sealed class SlowClock : TimeProvider
    {
        public override long GetTimestamp()
        {
            SpinWait.SpinUntil(() => false, 1);
            return base.GetTimestamp();
        }
    }
}
