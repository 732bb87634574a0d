using System.Text;
using Connectors.QueueWorker.Consuming;
using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.QueueWorker.Tests;

public sealed class FairSchedulerTests : IAsyncDisposable
{
    private const int Count = 4;

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 5, 4, 12, 0, 0, TimeSpan.Zero));

    private readonly NatsLink _link;
    private readonly PullInbox _inbox;
    private readonly FairScheduler _scheduler;
    private readonly Slots _slots;

    public FairSchedulerTests()
    {
        _link = new NatsLink(
            new NatsOptions { Host = "127.0.0.1", Port = 1, Access = new BrokerAccess(), HostOption = "nats_host" },
            new NatsRole("test", IsNeeded: true, () => { }),
            new Readiness(),
            TimeProvider.System,
            NullLoggerFactory.Instance);
        _inbox = new PullInbox(_link, _time, NullLogger<PullInbox>.Instance);
        (_scheduler, _slots) = Sharing(Count);
    }

    public async ValueTask DisposeAsync()
    {
        await _inbox.DisposeAsync();
        await _link.DisposeAsync();
    }

    [Fact]
    public void A_function_that_was_forgotten_is_not_asked_for_what_was_expected_of_it()
    {
        _scheduler.Found(Bench.Echo, Priority.Normal, _time.GetUtcNow());
        var side = Assert.Single(AnswerEmpty());
        _scheduler.Expect(side, _time.GetUtcNow() + TimeSpan.FromMinutes(20));
        _time.Advance(TimeSpan.FromMinutes(11));
        Assert.Empty(AnswerEmpty());
        Assert.Equal([Bench.Echo], _scheduler.Forget(_time.GetUtcNow() - TimeSpan.FromMinutes(10)));
        _time.Advance(TimeSpan.FromMinutes(10));

        Assert.Empty(AnswerEmpty());
        Assert.Equal(Count, _slots.Free);
        Assert.False(_scheduler.IsAsking);

        // What is found of it has a consumer that is heard.
        _scheduler.Found(Bench.Echo, Priority.Normal, _time.GetUtcNow());
        Assert.NotSame(side, Assert.Single(AnswerEmpty()));
    }

    // The server is asked again for a short while, for it may be a moment later than the delay that it was told.
    [Fact]
    public void A_quiet_functions_retry_is_asked_for_again_when_it_is_due_and_not_before()
    {
        _scheduler.Found(Bench.Echo, Priority.Normal, _time.GetUtcNow());
        var (side, calls) = Assert.Single(_scheduler.Plan(_slots, Count, _time.GetUtcNow()));
        Assert.Equal(1, calls);
        _scheduler.Started(side, Bench.Call());
        _scheduler.Answered(side, 0, isOver: true, PullEnd.HasMore, _time.GetUtcNow());
        var (_, more) = Assert.Single(_scheduler.Plan(_slots, Count, _time.GetUtcNow()));
        _scheduler.Expect(side, _time.GetUtcNow() + TimeSpan.FromSeconds(10));
        _scheduler.Ended(side, Load.Unknown);
        _slots.PutBack(calls);
        _scheduler.Answered(side, more, isOver: true, PullEnd.Empty, _time.GetUtcNow());
        _slots.PutBack(more);

        // Nothing is expected yet.
        for (var until = _time.GetUtcNow() + TimeSpan.FromSeconds(9.5); _time.GetUtcNow() < until; _time.Advance(TimeSpan.FromMilliseconds(25)))
        {
            Assert.Empty(AnswerEmpty());
        }

        _time.Advance(TimeSpan.FromSeconds(0.5));
        Assert.Single(AnswerEmpty());
        var asked = 0;
        for (var until = _time.GetUtcNow() + TimeSpan.FromSeconds(5); _time.GetUtcNow() < until; _time.Advance(TimeSpan.FromMilliseconds(25)))
        {
            asked += AnswerEmpty().Count;
        }

        Assert.Equal(5, asked);
        Assert.Equal(Count, _slots.Free);
    }

    // Another function runs, so that a share is less than all; both sides of this one stand in line above it, with room for one call.
    [Fact]
    public void A_function_never_runs_more_than_it_takes_though_both_its_sides_wait()
    {
        const int Max = 8;
        var now = _time.GetUtcNow();
        var (scheduler, slots) = Sharing(10);
        Run(new FunctionName("other", Bench.Echo.Namespace), 1, max: null);
        Run(Bench.Echo, Max - 1, Max);
        scheduler.Found(Bench.Echo, Priority.High, now);
        scheduler.Found(Bench.Echo, Priority.Normal, now);

        Assert.Equal(2, slots.Free);
        Assert.Equal(1, scheduler.Plan(slots, Max, now).Sum(asked => asked.Calls));

        void Run(FunctionName function, int calls, int? max)
        {
            for (var running = 0; running < calls;)
            {
                scheduler.Found(function, Priority.Normal, now);
                var (side, asked) = Assert.Single(scheduler.Plan(slots, calls - running, now));
                for (var i = 0; i < asked; i++)
                {
                    scheduler.Started(side, Bench.Call(function) with { MaxInflight = max });
                }

                scheduler.Answered(side, 0, isOver: true, PullEnd.Empty, now);
                running += asked;
            }
        }
    }

    // They lie among the function's calls, and are pulled with them.
    [Theory]
    [InlineData(null)]
    [InlineData("""{"v":2,"call":{"id":"c"}}""")]
    public void What_is_none_of_its_calls_or_not_understood_says_nothing_of_how_many_a_function_takes(string? envelope)
    {
        const int Many = 10;
        var now = _time.GetUtcNow();
        var (scheduler, slots) = Sharing(Many);
        scheduler.Found(Bench.Echo, Priority.Normal, now);
        foreach (var call in new[] { Bench.Call() with { MaxInflight = 2 }, envelope is null ? null : EnvelopeCodec.TryDecodeNewer(Encoding.UTF8.GetBytes(envelope)) })
        {
            var (side, asked) = Assert.Single(scheduler.Plan(slots, Many, now));
            Assert.Equal(1, asked);
            scheduler.Started(side, call);
            scheduler.Answered(side, 0, isOver: true, PullEnd.HasMore, now);
        }

        Assert.Empty(scheduler.Plan(slots, Many, now));
    }

    // Hints, resyncs and messages that should come again tell of the side at any time, also while it is asked.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_side_whose_consumer_cannot_be_made_is_tried_ever_less_often_whatever_is_heard_of_it(int seed)
    {
        var random = new Random(seed);
        var tried = new Dictionary<LaneSide, List<DateTimeOffset>>();
        for (var until = _time.GetUtcNow() + TimeSpan.FromMinutes(1); _time.GetUtcNow() < until; _time.Advance(TimeSpan.FromMilliseconds(random.Next(1, 40))))
        {
            Hear();
            foreach (var side in Answer(PullEnd.Gone, Hear))
            {
                tried.TryAdd(side, []);
                tried[side].Add(_time.GetUtcNow());
            }
        }

        Assert.Equal(6, tried.Count);
        Assert.Equal(Count, _slots.Free);
        Assert.False(_scheduler.IsAsking);
        foreach (var times in tried.Values)
        {
            foreach (var (i, pause) in times.Zip(times.Skip(1), (one, next) => (next - one).TotalSeconds).Index())
            {
                var least = Math.Min(0.5 * Math.Pow(2, i), 5);
                Assert.InRange(pause, least, least + 0.25);
            }
        }

        void Hear()
        {
            var priority = random.Next(2) == 0 ? Priority.High : Priority.Normal;
            _scheduler.Found(new FunctionName($"f-{random.Next(3)}", Bench.Echo.Namespace), priority, _time.GetUtcNow());
            if (tried.Keys.ElementAtOrDefault(random.Next(6)) is { } side)
            {
                _scheduler.Expect(side, _time.GetUtcNow() + TimeSpan.FromMilliseconds(random.Next(3_000)));
            }
        }
    }

    [Fact]
    public void A_side_that_is_put_off_has_one_retry_before_it_and_none_once_its_consumer_is_there()
    {
        Find();
        foreach (var pause in new[] { 0.5, 1, 2, 4, 5, 5 })
        {
            PutOff(pause);
            _time.Advance(TimeSpan.FromSeconds(pause));
        }

        var (side, calls) = Assert.Single(_scheduler.Plan(_slots, Count, _time.GetUtcNow()));
        _scheduler.Bound(side);
        _scheduler.Answered(side, calls, isOver: true, PullEnd.Empty, _time.GetUtcNow());
        _slots.PutBack(calls);
        Assert.Null(_scheduler.NextDue);

        // One that is gone later is looked for as soon as ever.
        Find();
        PutOff(0.5);

        void Find() => _scheduler.Found(Bench.Echo, Priority.Normal, _time.GetUtcNow());

        void PutOff(double pause)
        {
            Assert.Single(Answer(PullEnd.Gone, Find));
            Assert.Equal(TimeSpan.FromSeconds(pause), _scheduler.NextDue!.Value - _time.GetUtcNow());
        }
    }

    [Fact]
    public void All_that_is_put_off_is_tried_at_once_and_soon_again_when_what_kept_it_may_be_over()
    {
        foreach (var function in new[] { "a", "b" })
        {
            _scheduler.Found(new FunctionName(function, Bench.Echo.Namespace), Priority.Normal, _time.GetUtcNow());
        }

        for (var tries = 0; tries < 5; tries++)
        {
            Assert.Equal(2, Answer(PullEnd.Gone).Count);
            _time.Advance(_scheduler.NextDue!.Value - _time.GetUtcNow());
        }

        Assert.Equal(2, Answer(PullEnd.Gone).Count);
        Assert.Empty(AnswerEmpty());
        _scheduler.TryAgain();
        Assert.Equal(2, Answer(PullEnd.Gone).Count);
        Assert.Equal(TimeSpan.FromSeconds(0.5), _scheduler.NextDue!.Value - _time.GetUtcNow());
    }

    private (FairScheduler Scheduler, Slots Slots) Sharing(int count)
    {
        var setup = new StreamSetup(_link, TimeProvider.System, NullLogger<StreamSetup>.Instance);
        var consumers = new ConsumerSetup(_link, setup, TimeProvider.System, NullLogger<ConsumerSetup>.Instance);
        var scheduler = new FairScheduler(
            count,
            function => new FunctionLane(function, null, count),
            (lane, priority) =>
            {
                var name = StreamNames.FunctionConsumer(lane.Function, priority);
                return new LaneSide(lane, priority, StreamConsumer.Lapsing(_inbox, consumers, "s", name, "s.>", TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(30), _time));
            });
        return (scheduler, new Slots(count, null!, null!, new Grace(default, default), _time, NullLogger.Instance));
    }

    // Who is asked now; nothing comes of any.
    private IReadOnlyList<LaneSide> AnswerEmpty() => Answer(PullEnd.Empty);

    private IReadOnlyList<LaneSide> Answer(PullEnd why, Action? meanwhile = null)
    {
        var plan = _scheduler.Plan(_slots, Count, _time.GetUtcNow());
        foreach (var (side, calls) in plan)
        {
            meanwhile?.Invoke();
            _scheduler.Answered(side, calls, isOver: true, why, _time.GetUtcNow());
            _slots.PutBack(calls);
        }

        return [.. plan.Select(asked => asked.Side)];
    }
}
