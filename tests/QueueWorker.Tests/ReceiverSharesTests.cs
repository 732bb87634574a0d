using Connectors.QueueWorker.Callbacks;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.QueueWorker.Tests;

/// <summary>How many slots each receiver of callbacks may hold: arithmetic alone, its time given.</summary>
public sealed class ReceiverSharesTests
{
    private static readonly TimeSpan Prompt = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(2);

    private readonly FakeTimeProvider _time = new();
    private readonly List<string> _turned = [];
    private int _named;

    [Fact]
    public void Of_a_receiver_that_is_not_known_half_of_the_slots_run_and_of_a_prompt_one_any_number()
    {
        var shares = Shares(8);
        var first = Begun(shares, "a", 4);
        Assert.Null(shares.TryBegin("a", out var isSlow));
        Assert.False(isSlow);

        _time.Advance(Prompt);
        End(first[0]);

        Assert.Equal(8, Begun(shares, "a", 8).Count);
        Assert.Empty(_turned);
    }

    [Fact]
    public void A_receiver_that_took_long_is_slow_until_it_is_prompt_again()
    {
        var shares = Shares(8);
        MakeSlow(shares, "a");
        Assert.Equal(["a is slow"], _turned);

        var running = Begun(shares, "a", 4);
        Assert.Null(shares.TryBegin("a", out var isSlow));
        Assert.True(isSlow);

        End(running[0]);
        Assert.Equal(["a is slow", "a is not"], _turned);
        Assert.Equal(8, Begun(shares, "a", 8).Count);
    }

    [Fact]
    public void A_receiver_is_slow_as_soon_as_something_runs_for_long_whatever_else_it_answers()
    {
        var shares = Shares(8);
        MakePrompt(shares, "a");
        var stuck = Begun(shares, "a", 6);
        _time.Advance(Long);

        Assert.Null(shares.TryBegin("a", out var isSlow));
        Assert.True(isSlow);
        stuck.ForEach(End);
        Assert.Equal(["a is slow"], _turned);
    }

    [Fact]
    public void A_prompt_answer_beside_one_that_is_waited_for_does_not_make_a_receiver_prompt()
    {
        var shares = Shares(8);
        MakePrompt(shares, "a");
        Begun(shares, "a", 1);
        _time.Advance(Prompt / 2);
        var second = Begun(shares, "a", 1);
        _time.Advance(Prompt);
        End(second[0]);

        Assert.Equal(["a is slow"], _turned);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_was_aborted_or_refused_here_tells_nothing_of_its_receiver(bool isPrompt)
    {
        var shares = Shares(4);
        if (isPrompt)
        {
            MakePrompt(shares, "a");
        }

        var aborted = Begun(shares, "a", 2);
        _time.Advance(Long);
        aborted.ForEach(turn => turn.Dispose());

        Begun(shares, "a", 2);
        Assert.Equal(isPrompt, shares.TryBegin("a", out var isSlow) is not null);
        Assert.False(isSlow);
        Assert.Empty(_turned);
    }

    [Fact]
    public void Slow_receivers_share_half_of_the_slots_by_those_that_ask()
    {
        var shares = Shares(8);
        MakeSlow(shares, "a");
        MakeSlow(shares, "b");
        _time.Advance(CallbackPolicy.MaxPutOff);
        var ofA = Begun(shares, "a", 4);
        Assert.Null(shares.TryBegin("b", out _));

        // What a gives back is for b, which has asked meanwhile.
        _time.Advance(Long);
        End(ofA[0]);
        Assert.Null(shares.TryBegin("a", out _));
        Begun(shares, "b", 1);
        Assert.Null(shares.TryBegin("b", out _));
        End(ofA[1]);
        Begun(shares, "b", 1);
        Assert.Null(shares.TryBegin("b", out _));
    }

    [Fact]
    public void A_slow_receiver_that_asks_no_more_leaves_its_part_to_the_others()
    {
        var shares = Shares(8);
        MakeSlow(shares, "a");
        MakeSlow(shares, "b");
        Begun(shares, "a", 2);
        Assert.Null(shares.TryBegin("a", out _));

        _time.Advance(CallbackPolicy.MaxPutOff);

        Begun(shares, "a", 2);
        Assert.Null(shares.TryBegin("a", out _));
    }

    [Fact]
    public void More_slow_receivers_than_their_share_has_slots_hold_one_each_while_there_are_some()
    {
        var shares = Shares(4);
        foreach (var name in (string[])["a", "b", "c"])
        {
            MakeSlow(shares, name);
        }

        var ofA = Begun(shares, "a", 1);
        Assert.Null(shares.TryBegin("a", out _));
        Begun(shares, "b", 1);
        Assert.Null(shares.TryBegin("c", out _));

        _time.Advance(Long);
        End(ofA[0]);
        Begun(shares, "c", 1);
    }

    [Fact]
    public void A_receiver_that_is_not_known_is_asked_once_whatever_slow_ones_hold()
    {
        var shares = Shares(4);
        Begun(shares, "silent", 2);
        _time.Advance(Long);

        var first = Begun(shares, "new", 1);
        Assert.Null(shares.TryBegin("new", out var isSlow));
        Assert.False(isSlow);
        End(first[0]);

        Assert.Equal(2, Begun(shares, "new", 2).Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void However_few_slots_there_are_one_may_begin(int slots)
    {
        var shares = Shares(slots);
        MakeSlow(shares, "a");
        var turn = Begun(shares, "a", 1);
        Assert.Null(shares.TryBegin("a", out _));
        turn.ForEach(End);
        Begun(shares, "b", 1);
    }

    [Fact]
    public void Of_those_that_nothing_runs_of_a_thousand_are_known_and_the_others_are_new_again()
    {
        var shares = Shares(4);
        MakeSlow(shares, "idle");
        Begun(shares, "running", 1);
        _time.Advance(Long);
        Assert.Null(shares.TryBegin("running", out _));
        Assert.Equal(["idle is slow", "running is slow"], _turned);

        for (var i = 0; i < 1_000; i++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(1));
            MakePrompt(shares, $"host{i}");
        }

        Assert.Equal(["idle is slow", "running is slow", "idle is not"], _turned);
        shares.TryBegin("idle", out var isSlow);
        Assert.False(isSlow);
        shares.TryBegin("running", out isSlow);
        Assert.True(isSlow);
    }

    [Fact]
    public void Slow_receivers_whose_share_is_taken_go_in_turn_however_often_others_ask()
    {
        var shares = Shares(4);
        foreach (var name in (string[])["a", "b", "c"])
        {
            MakeSlow(shares, name);
        }

        var (ofA, ofB) = (Begun(shares, "a", 1), Begun(shares, "b", 1));
        Assert.Null(shares.TryBegin("c", out _));
        _time.Advance(Long);
        End(ofA[0]);

        Assert.Null(shares.TryBegin("a", out _));
        Begun(shares, "c", 1);
        _time.Advance(Long);
        End(ofB[0]);
        Begun(shares, "a", 1);
    }

    [Fact]
    public void One_that_is_slow_now_and_then_is_named_once_a_minute()
    {
        var shares = Shares(4);
        for (var i = 0; i < 40; i++)
        {
            MakeSlow(shares, "a");
            MakePrompt(shares, "a");
        }

        // Two seconds each.
        Assert.Equal((80, 2), (_turned.Count, _named));
    }

    [Fact]
    public void What_is_waited_between_two_posts_is_not_the_receivers_time()
    {
        var shares = Shares(4);
        var turn = Begun(shares, "a", 1)[0];
        turn.Pause();
        _time.Advance(Long);
        Assert.NotNull(shares.TryBegin("a", out var isSlow));
        Assert.False(isSlow);

        turn.Resume();
        End(turn);

        Assert.Empty(_turned);
    }

    [Fact]
    public void Refusals_are_counted_for_a_minute_or_two()
    {
        var shares = Shares(2);
        MakeSlow(shares, "a");
        Begun(shares, "a", 1);
        for (var i = 0; i < 5; i++)
        {
            Assert.Null(shares.TryBegin("a", out _));
        }

        Assert.Equal(5, shares.RefusedLately("a"));
        _time.Advance(TimeSpan.FromMinutes(1.5));
        Assert.Null(shares.TryBegin("a", out _));
        Assert.Equal(6, shares.RefusedLately("a"));
        _time.Advance(TimeSpan.FromMinutes(1.5));
        Assert.Null(shares.TryBegin("a", out _));
        Assert.Equal(2, shares.RefusedLately("a"));
        Assert.Equal(0, shares.RefusedLately("b"));
    }

    private ReceiverShares Shares(int slots) => new(slots, Prompt, _time) { Turned = (name, isSlow, isNews) => Hear(name, isSlow, isNews) };

    private void Hear(string name, bool isSlow, bool isNews)
    {
        _turned.Add($"{name} is {(isSlow ? "slow" : "not")}");
        _named += isNews ? 1 : 0;
    }

    private static List<Turn> Begun(ReceiverShares shares, string name, int count)
    {
        var turns = new List<Turn>();
        for (var i = 0; i < count; i++)
        {
            var turn = shares.TryBegin(name, out _);
            Assert.NotNull(turn);
            turns.Add(turn);
        }

        return turns;
    }

    private static void End(Turn turn)
    {
        turn.Told();
        turn.Dispose();
    }

    private static void MakePrompt(ReceiverShares shares, string name) => End(Begun(shares, name, 1)[0]);

    private void MakeSlow(ReceiverShares shares, string name)
    {
        var turn = Begun(shares, name, 1)[0];
        _time.Advance(Long);
        End(turn);
    }
}
