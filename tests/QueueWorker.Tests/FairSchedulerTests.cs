using Connectors.QueueWorker.Consuming;
using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.QueueWorker.Tests;

public sealed class FairSchedulerTests
{
    private const int Count = 4;

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 5, 4, 12, 0, 0, TimeSpan.Zero));

    [Fact]
    public async Task A_function_that_was_forgotten_is_not_asked_for_what_was_expected_of_it()
    {
        await using var link = new NatsLink(
            new NatsOptions { Host = "127.0.0.1", Port = 1, Access = new BrokerAccess(), HostOption = "nats_host" },
            new NatsRole("test", IsNeeded: true, () => { }),
            new Readiness(),
            TimeProvider.System,
            NullLoggerFactory.Instance);
        await using var inbox = new PullInbox(link, _time, NullLogger<PullInbox>.Instance);
        var setup = new StreamSetup(link, NullLogger<StreamSetup>.Instance);
        var sides = new List<LaneSide>();
        var scheduler = new FairScheduler(
            Count,
            function => new FunctionLane(function, null, Count),
            (lane, priority) =>
            {
                var name = StreamNames.FunctionConsumer(lane.Function, priority);
                sides.Add(new LaneSide(lane, priority, StreamConsumer.Lapsing(inbox, setup, "s", name, "s.>", TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(30), _time)));
                return sides[^1];
            });
        var slots = new Slots(Count, null!, null!, new Grace(default, default), _time, NullLogger.Instance);

        scheduler.Found(Bench.Echo, Priority.Normal, _time.GetUtcNow());
        var (side, calls) = Assert.Single(scheduler.Plan(slots, Count, _time.GetUtcNow()));
        scheduler.Answered(side, calls, isOver: true, hasMore: false, _time.GetUtcNow());
        slots.PutBack(calls);
        scheduler.Expect(side, _time.GetUtcNow() + TimeSpan.FromMinutes(20));
        _time.Advance(TimeSpan.FromMinutes(11));
        Assert.Empty(scheduler.Plan(slots, Count, _time.GetUtcNow()));
        Assert.Equal([Bench.Echo], scheduler.Forget(_time.GetUtcNow() - TimeSpan.FromMinutes(10)));
        _time.Advance(TimeSpan.FromMinutes(10));

        Assert.Empty(scheduler.Plan(slots, Count, _time.GetUtcNow()));
        Assert.Equal(Count, slots.Free);
        Assert.False(scheduler.IsAsking);

        // What is found of it has a consumer that is heard.
        scheduler.Found(Bench.Echo, Priority.Normal, _time.GetUtcNow());
        Assert.NotSame(side, Assert.Single(scheduler.Plan(slots, Count, _time.GetUtcNow())).Side);
    }
}
