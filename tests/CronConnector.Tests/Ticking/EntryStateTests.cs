using Connectors.Cron.Cursors;
using Connectors.Cron.Schedules;
using Connectors.Cron.Ticking;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Topics;

namespace Connectors.Cron.Tests.Ticking;

/// <summary>How many ticks of a schedule are out at once; each second, all caught up with.</summary>
public class EntryStateTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Of_enqueued_calls_one_is_out_and_its_end_calls_for_the_next()
    {
        var state = State(asynchronous: true);

        GoesOut(state, cursor: Noon.AddSeconds(-3), clock: Noon, tick: Noon.AddSeconds(-2));
        Assert.True(state.IsHeldBack(Noon));
        Assert.True(state.Leave());
        Assert.False(state.IsHeldBack(Noon));

        GoesOut(state, cursor: Noon.AddSeconds(-2), clock: Noon, tick: Noon.AddSeconds(-1));
        Assert.True(state.Leave());
        GoesOut(state, cursor: Noon.AddSeconds(-1), clock: Noon, tick: Noon);
        Assert.True(state.Leave());
        Assert.Null(state.Find(new Cursor(Noon), Noon));
    }

    [Fact]
    public void One_that_nothing_waits_for_calls_for_nothing_until_more_is_due()
    {
        var state = State(asynchronous: true);

        GoesOut(state, cursor: Noon.AddSeconds(-1), clock: Noon, tick: Noon);
        Assert.True(state.IsHeldBack(Noon.AddMilliseconds(500)));
        Assert.False(state.Leave());

        GoesOut(state, cursor: Noon, clock: Noon.AddSeconds(1), tick: Noon.AddSeconds(1));
        Assert.True(state.IsHeldBack(Noon.AddSeconds(2)));
        Assert.True(state.WakeAt > Noon.AddSeconds(2));
        Assert.True(state.Leave());
    }

    [Fact]
    public void What_another_replica_claimed_meanwhile_is_passed_over()
    {
        var state = State(asynchronous: true);
        GoesOut(state, cursor: Noon.AddSeconds(-9), clock: Noon, tick: Noon.AddSeconds(-8));
        state.Leave();

        GoesOut(state, cursor: Noon.AddSeconds(-3), clock: Noon, tick: Noon.AddSeconds(-2));
    }

    [Theory]
    [InlineData(-9)]
    [InlineData(-60)]
    public void Where_a_claim_failed_or_the_cursor_was_written_back_all_is_found_anew(int cursor)
    {
        var state = State(asynchronous: true);
        GoesOut(state, cursor: Noon.AddSeconds(-9), clock: Noon, tick: Noon.AddSeconds(-8));
        state.TryLater();
        Assert.False(state.Leave());

        GoesOut(state, cursor: Noon.AddSeconds(cursor), clock: Noon, tick: Noon.AddSeconds(cursor + 1));
    }

    [Fact]
    public void One_that_is_taken_over_is_the_one_that_is_out()
    {
        var state = State(asynchronous: true);

        Assert.True(state.BeginTakeOver());
        Assert.False(state.BeginTakeOver());
        Assert.True(state.IsHeldBack(Noon));
        Assert.True(state.Leave());
        Assert.True(state.BeginTakeOver());
    }

    [Fact]
    public void Calls_that_are_waited_for_go_out_together()
    {
        var state = State(asynchronous: false);

        var due = state.Find(new Cursor(Noon.AddSeconds(-3)), Noon);

        Assert.Equal([Noon.AddSeconds(-2), Noon.AddSeconds(-1), Noon], due!.Fire);
        state.Begin(Noon.AddSeconds(-2));
        Assert.False(state.IsHeldBack(Noon));
    }

    // It is found, and is on its way until its claim is made.
    private static void GoesOut(EntryState state, DateTimeOffset cursor, DateTimeOffset clock, DateTimeOffset tick)
    {
        Assert.False(state.IsHeldBack(clock));
        Assert.Equal([tick], state.Find(new Cursor(cursor), clock)!.Fire);
        state.End(state.Begin(tick), isClaimed: true);
    }

    private static EntryState State(bool asynchronous)
    {
        var policy = TickPolicy.Read(new Settings(new Dictionary<string, string>()), asynchronous) with { CatchUp = CatchUp.All };
        var function = new Function(new FunctionName("state", "openfaas-fn"), new Dictionary<string, string> { ["schedule"] = "* * * * * *" });
        return new EntryState(Assert.Single(Entry.Of(function, policy)));
    }
}
