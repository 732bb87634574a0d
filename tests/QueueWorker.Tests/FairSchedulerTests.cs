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
        _scheduler.Started(side, maxInflight: null);
        _scheduler.Answered(side, 0, isOver: true, hasMore: true, _time.GetUtcNow());
        var (_, more) = Assert.Single(_scheduler.Plan(_slots, Count, _time.GetUtcNow()));
        _scheduler.Expect(side, _time.GetUtcNow() + TimeSpan.FromSeconds(10));
        _scheduler.Ended(side, Load.Unknown);
        _slots.PutBack(calls);
        _scheduler.Answered(side, more, isOver: true, hasMore: false, _time.GetUtcNow());
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
                    scheduler.Started(side, max);
                }

                scheduler.Answered(side, 0, isOver: true, hasMore: false, now);
                running += asked;
            }
        }
    }

    private (FairScheduler Scheduler, Slots Slots) Sharing(int count)
    {
        var setup = new StreamSetup(_link, TimeProvider.System, NullLogger<StreamSetup>.Instance);
        var scheduler = new FairScheduler(
            count,
            function => new FunctionLane(function, null, count),
            (lane, priority) =>
            {
                var name = StreamNames.FunctionConsumer(lane.Function, priority);
                return new LaneSide(lane, priority, StreamConsumer.Lapsing(_inbox, setup, "s", name, "s.>", TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(30), _time));
            });
        return (scheduler, new Slots(count, null!, null!, new Grace(default, default), _time, NullLogger.Instance));
    }

    // Who is asked now; nothing comes of any.
    private IReadOnlyList<LaneSide> AnswerEmpty()
    {
        var plan = _scheduler.Plan(_slots, Count, _time.GetUtcNow());
        foreach (var (side, calls) in plan)
        {
            _scheduler.Answered(side, calls, isOver: true, hasMore: false, _time.GetUtcNow());
            _slots.PutBack(calls);
        }

        return [.. plan.Select(asked => asked.Side)];
    }
}
