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
        Assert.Equal(0, Room(state, Noon));
        Assert.True(state.Leave());
        Assert.Equal(1, Room(state, Noon));

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
        Assert.Equal(0, Room(state, Noon.AddMilliseconds(500)));
        Assert.False(state.Leave());

        GoesOut(state, cursor: Noon, clock: Noon.AddSeconds(1), tick: Noon.AddSeconds(1));
        Assert.Equal(0, Room(state, Noon.AddSeconds(2)));
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
        Assert.Equal(0, Room(state, Noon));
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
        Assert.InRange(Room(state, Noon), 1, 8);
    }

    [Fact]
    public void Calls_that_are_waited_for_hold_no_more_slots_than_they_leave_free_and_the_rest_goes_out_as_they_end()
    {
        var state = State(asynchronous: false);
        Assert.Equal(4, Room(state, Noon, free: 8));
        GoOut(state, cursor: Noon.AddSeconds(-9), room: 4, -8, -7, -6, -5);

        Assert.Equal(0, Room(state, Noon, free: 4));
        Assert.True(state.Leave());
        Assert.Equal(1, Room(state, Noon, free: 5));
        GoOut(state, cursor: Noon.AddSeconds(-5), room: 1, -4);

        // Others have ended too, which nobody says.
        Assert.Equal(0, Room(state, Noon, free: 3));
        Assert.InRange(state.WakeAt!.Value, Noon, Noon.AddSeconds(1));
        Assert.Equal(2, Room(state, Noon.AddSeconds(1), free: 8));
        GoOut(state, cursor: Noon.AddSeconds(-4), room: 2, -3, -2);
    }

    [Fact]
    public void Those_of_the_only_schedule_may_hold_all_slots()
    {
        var state = State(asynchronous: false);

        Assert.Equal(8, state.Room(Noon, free: 8, isOnly: true));
        GoOut(state, cursor: Noon.AddSeconds(-9), room: 8, -8, -7, -6, -5, -4, -3, -2, -1);
    }

    [Fact]
    public void However_many_slots_are_free_others_have_their_turn_in_between()
    {
        var state = State(asynchronous: false);
        var room = state.Room(Noon, free: 10_000, isOnly: true);

        Assert.Equal(room, state.Find(new Cursor(Noon.AddMinutes(-30)), Noon, room)!.Fire.Count);

        Assert.InRange(room, 1, 1_000);
        Assert.Equal(Noon, state.WakeAt!.Value);
    }

    [Fact]
    public async Task Behind_a_claim_that_failed_none_is_made_that_was_found_before()
    {
        var state = State(asynchronous: false);
        Assert.Equal([Noon.AddSeconds(-8)], state.Find(new Cursor(Noon.AddSeconds(-9)), Noon, room: 1)!.Fire);
        var first = state.Begin(Noon.AddSeconds(-8));
        Assert.True(await first.Before);
        Assert.Equal([Noon.AddSeconds(-7)], state.Find(new Cursor(Noon.AddSeconds(-9)), Noon, room: 1)!.Fire);

        state.End(first, isClaimed: false);
        var second = state.Begin(Noon.AddSeconds(-7));
        Assert.False(await second.Before);
        state.End(second, isClaimed: false);

        Assert.Equal([Noon.AddSeconds(-8)], state.Find(new Cursor(Noon.AddSeconds(-9)), Noon, room: 1)!.Fire);
        Assert.True(await state.Begin(Noon.AddSeconds(-8)).Before);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void It_is_unsettled_while_a_tick_is_being_claimed_and_from_a_failure_until_all_is_found_anew(bool asynchronous)
    {
        var state = State(asynchronous);
        Assert.False(state.IsUnsettled);

        state.Find(new Cursor(Noon.AddSeconds(-1)), Noon);
        var turn = state.Begin(Noon);
        Assert.True(state.IsUnsettled);
        state.TryLater();
        state.End(turn, isClaimed: false);
        Assert.True(state.IsUnsettled);

        state.Find(new Cursor(Noon.AddSeconds(-1)), Noon);
        Assert.False(state.IsUnsettled);
    }

    private static int Room(EntryState state, DateTimeOffset clock, int free = 8) => state.Room(clock, free, isOnly: false);

    // So many are found and claimed, and have not ended.
    private static void GoOut(EntryState state, DateTimeOffset cursor, int room, params int[] seconds)
    {
        var ticks = seconds.Select(s => Noon.AddSeconds(s)).ToList();
        Assert.Equal(ticks, state.Find(new Cursor(cursor), Noon, room)!.Fire);
        foreach (var tick in ticks)
        {
            state.End(state.Begin(tick), isClaimed: true);
        }
    }

    // It is found, and is on its way until its claim is made.
    private static void GoesOut(EntryState state, DateTimeOffset cursor, DateTimeOffset clock, DateTimeOffset tick)
    {
        Assert.Equal(1, Room(state, clock));
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
