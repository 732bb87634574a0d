using Microsoft.Extensions.Time.Testing;

namespace Connectors.Packages.Tests.Time;

public class FakeTimerTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Never = Timeout.InfiniteTimeSpan;

    private readonly FakeTimeProvider _clock = new(Noon);
    private readonly List<string> _fired = [];

    [Fact]
    public void Timers_fire_in_the_order_of_their_due_times()
    {
        using var third = After(3, "third");
        using var first = After(1, "first");
        using var second = After(2, "second");
        using var later = After(11, "later");

        _clock.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(["first", "second", "third"], _fired);
    }

    [Fact]
    public void Timers_due_together_fire_in_the_order_they_were_set()
    {
        using var first = After(1, "a");
        using var second = After(1, "b");
        using var third = After(1, "c");
        first.Change(TimeSpan.FromSeconds(1), Never);

        _clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(["b", "c", "a"], _fired);
    }

    [Fact]
    public void A_callback_reads_the_time_the_clock_was_moved_to()
    {
        var read = default(DateTimeOffset);
        using var timer = _clock.CreateTimer(_ => read = _clock.GetUtcNow(), null, TimeSpan.FromSeconds(1), Never);

        _clock.Advance(TimeSpan.FromHours(1));

        Assert.Equal(Noon.AddHours(1), read);
    }

    [Fact]
    public void A_callback_gets_its_state()
    {
        object? seen = null;
        using var timer = _clock.CreateTimer(state => seen = state, "state", TimeSpan.FromSeconds(1), Never);

        _clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal("state", seen);
    }

    [Fact]
    public void A_periodic_timer_fires_once_for_each_period_passed()
    {
        using var timer = _clock.CreateTimer(_ => _fired.Add("tick"), null, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(2));

        _clock.Advance(TimeSpan.FromSeconds(4));
        Assert.Empty(_fired);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Single(_fired);
        _clock.Advance(TimeSpan.FromSeconds(7));

        Assert.Equal(4, _fired.Count);
    }

    [Fact]
    public void Periodic_timers_take_turns()
    {
        using var two = _clock.CreateTimer(_ => _fired.Add("2"), null, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(2));
        using var three = _clock.CreateTimer(_ => _fired.Add("3"), null, TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(3));

        _clock.Advance(TimeSpan.FromSeconds(9));

        // Due at 2, 3, 4, 6 and 6, 8, 9; of those at 6 the timer that was set first goes first.
        Assert.Equal(["2", "3", "2", "2", "3", "2", "3"], _fired);
    }

    [Fact]
    public void A_period_counts_from_the_new_time_if_the_callback_moved_the_clock()
    {
        using var timer = _clock.CreateTimer(
            _ =>
            {
                _fired.Add("tick");
                if (_fired.Count == 1)
                {
                    _clock.Advance(TimeSpan.FromMilliseconds(700));
                }
            },
            null,
            TimeSpan.FromSeconds(1),
            TimeSpan.FromSeconds(1));

        _clock.Advance(TimeSpan.FromSeconds(1));
        _clock.Advance(TimeSpan.FromMilliseconds(999));
        Assert.Single(_fired);
        _clock.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Equal(2, _fired.Count);
    }

    [Fact]
    public void A_due_time_of_zero_fires_at_once_and_a_period_of_zero_only_once()
    {
        using var timer = _clock.CreateTimer(_ => _fired.Add("now"), null, TimeSpan.Zero, TimeSpan.Zero);
        Assert.Single(_fired);

        _clock.Advance(TimeSpan.FromDays(1));

        Assert.Single(_fired);
    }

    [Fact]
    public void A_timer_that_is_due_never_waits_to_be_changed()
    {
        using var timer = _clock.CreateTimer(_ => _fired.Add("x"), null, Never, Never);
        _clock.Advance(TimeSpan.FromDays(365));
        Assert.Empty(_fired);

        Assert.True(timer.Change(TimeSpan.FromSeconds(1), Never));
        _clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Single(_fired);
    }

    [Fact]
    public void A_changed_timer_forgets_its_old_due_time()
    {
        using var timer = After(1, "x");
        timer.Change(TimeSpan.FromSeconds(10), Never);

        _clock.Advance(TimeSpan.FromSeconds(9));
        Assert.Empty(_fired);
        timer.Change(Never, Never);
        _clock.Advance(TimeSpan.FromSeconds(9));

        Assert.Empty(_fired);
    }

    [Fact]
    public void A_callback_may_change_its_own_timer()
    {
        ITimer? timer = null;
        timer = _clock.CreateTimer(
            _ =>
            {
                _fired.Add("x");
                timer?.Change(TimeSpan.FromSeconds(10), Never);
            },
            null,
            TimeSpan.FromSeconds(1),
            TimeSpan.FromSeconds(1));

        _clock.Advance(TimeSpan.FromSeconds(1));
        _clock.Advance(TimeSpan.FromSeconds(9));
        Assert.Single(_fired);
        _clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(2, _fired.Count);
        timer.Dispose();
    }

    [Fact]
    public async Task A_disposed_timer_fires_no_more_and_cannot_be_changed()
    {
        var synchronous = After(1, "x");
        var asynchronous = After(1, "y");
        synchronous.Dispose();
        await asynchronous.DisposeAsync();

        _clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Empty(_fired);
        Assert.False(synchronous.Change(TimeSpan.FromSeconds(1), Never));
        Assert.False(asynchronous.Change(TimeSpan.FromSeconds(1), Never));
    }

    [Fact]
    public void A_callback_that_sets_another_timer_in_the_past_sees_it_fire_in_the_same_advance()
    {
        ITimer? inner = null;
        using var outer = _clock.CreateTimer(_ => inner = After(0, "inner"), null, TimeSpan.FromSeconds(1), Never);

        _clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(["inner"], _fired);
        inner!.Dispose();
    }

    [Fact]
    public void A_callback_that_throws_reaches_the_one_who_advanced_and_stops_no_other_timer()
    {
        using var bad = _clock.CreateTimer(_ => throw new InvalidDataException("bad"), null, TimeSpan.FromSeconds(1), Never);
        using var good = After(2, "good");

        Assert.Throws<InvalidDataException>(() => _clock.Advance(TimeSpan.FromSeconds(1)));
        _clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(["good"], _fired);
    }

    [Theory]
    [InlineData(-2, 0)]
    [InlineData(0, -2)]
    [InlineData(4294967295, 0)]
    [InlineData(0, 4294967295)]
    public void Spans_that_a_timer_cannot_take_are_refused(long dueMilliseconds, long periodMilliseconds)
    {
        using var timer = _clock.CreateTimer(_ => _fired.Add("x"), null, Never, Never);

        Assert.Throws<ArgumentOutOfRangeException>(
            () => timer.Change(TimeSpan.FromMilliseconds(dueMilliseconds), TimeSpan.FromMilliseconds(periodMilliseconds)));
    }

    [Fact]
    public async Task Threads_that_advance_together_fire_each_timer_once()
    {
        var fired = 0;
        var timers = Enumerable.Range(1, 1_000)
            .Select(i => _clock.CreateTimer(_ => Interlocked.Increment(ref fired), null, TimeSpan.FromSeconds(i), Never))
            .ToList();

        await Parallel.ForAsync(0, 10, TestContext.Current.CancellationToken, (_, _) =>
        {
            for (var i = 0; i < 100; i++)
            {
                _clock.Advance(TimeSpan.FromSeconds(1));
            }

            return ValueTask.CompletedTask;
        });

        Assert.Equal(1_000, fired);
        timers.ForEach(timer => timer.Dispose());
    }

    private ITimer After(int seconds, string name) => _clock.CreateTimer(_ => _fired.Add(name), null, TimeSpan.FromSeconds(seconds), Never);
}
