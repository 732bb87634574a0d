using Connectors.QueueWorker.Consuming;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using CsCheck;

namespace Connectors.QueueWorker.Tests;

/// <summary>When calls that lie aside are looked for: arithmetic alone, its time given.</summary>
public sealed class AsideScheduleTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [Fact]
    public void A_group_is_taken_when_it_is_due_and_not_before()
    {
        var schedule = new AsideSchedule(_ => null);
        schedule.Found(Group(10), Start);

        Assert.Null(schedule.TryTake(Start.AddSeconds(9.9)));
        Assert.Equal(Start.AddSeconds(10), schedule.Next);
        Assert.Equal(Group(10).Token, schedule.TryTake(Start.AddSeconds(10))?.Token);
        Assert.Null(schedule.Next);
    }

    [Fact]
    public void What_is_found_while_its_group_is_emptied_is_looked_for_once_more()
    {
        var schedule = new AsideSchedule(_ => null);
        schedule.Found(Group(0), Start);
        var open = schedule.TryTake(Start)!;

        schedule.Found(Group(0), Start);
        Assert.Null(schedule.TryTake(Start));
        schedule.Closed(open, null, Start);

        Assert.NotNull(schedule.TryTake(Start));
        schedule.Closed(open, null, Start);
        Assert.Null(schedule.TryTake(Start));
    }

    [Fact]
    public void What_could_not_be_emptied_is_tried_again_when_it_is_said_to_be()
    {
        var schedule = new AsideSchedule(_ => null);
        schedule.Found(Group(0), Start);
        schedule.Closed(schedule.TryTake(Start)!, Start.AddSeconds(1), Start);

        Assert.Null(schedule.TryTake(Start));
        Assert.NotNull(schedule.TryTake(Start.AddSeconds(1)));
    }

    [Fact]
    public void What_was_nakked_is_looked_for_when_it_comes_again_and_holds_up_nothing_that_was_found_meanwhile()
    {
        var schedule = new AsideSchedule(_ => null);
        schedule.Found(Group(0), Start);
        schedule.Closed(schedule.TryTake(Start)!, null, Start, TimeSpan.FromSeconds(2));
        Assert.Null(schedule.TryTake(Start));
        var open = schedule.TryTake(Start.AddSeconds(2))!;

        schedule.Found(Group(0), Start.AddSeconds(2));
        schedule.Closed(open, null, Start.AddSeconds(2), TimeSpan.FromSeconds(2));

        Assert.NotNull(schedule.TryTake(Start.AddSeconds(2)));
    }

    [Fact]
    public void A_clock_that_was_ahead_puts_nothing_off_for_longer_than_until_it_is_found_again()
    {
        var schedule = new AsideSchedule(_ => null);
        var ahead = Start.AddHours(3);
        schedule.Found(Group(10), ahead);
        schedule.Closed(schedule.TryTake(ahead)!, ahead.AddSeconds(1), ahead);

        Assert.True(schedule.Found(Group(10), Start));
        Assert.Null(schedule.TryTake(Start));
        Assert.NotNull(schedule.TryTake(Start.AddSeconds(10)));
        Assert.Null(schedule.TryTake(ahead.AddSeconds(1)));
    }

    [Fact]
    public void What_is_none_of_ours_is_due_at_once()
    {
        var schedule = new AsideSchedule(_ => null);
        schedule.Found(AsideGroup.Of("q.aside.odd"), Start);

        Assert.Equal("q.aside.odd", schedule.TryTake(Start)?.Foreign);
    }

    [Fact]
    public void Held_calls_come_back_when_their_function_is_resumed_and_not_before()
    {
        DateTimeOffset? until = DateTimeOffset.MaxValue;
        var schedule = new AsideSchedule(_ => until);
        schedule.Found(Group(1), Start);
        schedule.Found(AsideGroup.Held(Bench.Echo), Start);

        Assert.Null(schedule.TryTake(Start));
        Assert.Equal(Start.AddSeconds(1), schedule.Next);
        Assert.Null(schedule.TryTake(Start.AddSeconds(1))!.Function);
        Assert.Null(schedule.Next);

        schedule.Wake(Bench.Echo, Start.AddSeconds(2));
        Assert.Null(schedule.TryTake(Start.AddSeconds(2)));
        until = null;
        schedule.Wake(Bench.Echo, Start.AddSeconds(3));
        Assert.Equal(Bench.Echo, schedule.TryTake(Start.AddSeconds(3))?.Function);
    }

    [Fact]
    public void What_is_told_of_one_function_looks_at_no_other_however_many_are_held()
    {
        const int many = 20_000;
        var looks = 0;
        var resumed = new HashSet<FunctionName>();
        var schedule = new AsideSchedule(function =>
        {
            looks++;
            return resumed.Contains(function) ? null : Start.AddHours(1);
        });
        var functions = Enumerable.Range(0, many).Select(i => new FunctionName($"f{i}", "openfaas-fn")).ToList();
        foreach (var function in functions)
        {
            schedule.Found(AsideGroup.Held(function), Start);
        }

        looks = 0;
        resumed.Add(functions[many / 2]);
        schedule.Wake(functions[many / 2], Start);
        Assert.Equal(functions[many / 2], schedule.TryTake(Start)?.Function);
        Assert.Null(schedule.TryTake(Start));
        Assert.InRange(looks, 1, 2);

        // As when all of them are probed.
        looks = 0;
        foreach (var function in functions)
        {
            schedule.Wake(function, Start);
            Assert.Null(schedule.TryTake(Start));
        }

        Assert.InRange(looks, 0, many);
        Assert.Equal(Start.AddHours(1), schedule.Next);
    }

    [Fact]
    public void Held_calls_of_a_function_that_is_resumed_while_they_are_looked_at_are_looked_at_once_more()
    {
        DateTimeOffset? until = null;
        var schedule = new AsideSchedule(_ => until);
        schedule.Found(AsideGroup.Held(Bench.Echo), Start);
        var open = schedule.TryTake(Start)!;

        // It was paused when they were looked at.
        schedule.Wake(Bench.Echo, Start);
        schedule.Closed(open, DateTimeOffset.MaxValue, Start);

        Assert.Equal(Bench.Echo, schedule.TryTake(Start)?.Function);
    }

    // However often it is said anew, and sooner or later than before: each group is taken when what was said last is due, once, and not before.
    [Fact]
    public void Held_calls_are_taken_by_what_was_said_of_their_function_last() =>
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 20]).Array[0, 300].Sample(steps =>
        {
            var until = new Dictionary<FunctionName, DateTimeOffset>();
            var waiting = new HashSet<FunctionName>();
            var schedule = new AsideSchedule(function => until[function]);
            var now = Start;
            foreach (var (which, seconds) in steps)
            {
                var function = new FunctionName($"f{which}", "openfaas-fn");
                until[function] = seconds == 20 ? DateTimeOffset.MaxValue : now.AddSeconds(seconds);
                schedule.Found(AsideGroup.Held(function), now);
                schedule.Wake(function, now);
                waiting.Add(function);
                now = now.AddMilliseconds(500);
                while (schedule.TryTake(now) is { } group)
                {
                    Assert.True(until[group.Function!.Value] <= now);
                    Assert.True(waiting.Remove(group.Function.Value));
                    schedule.Closed(group, null, now);
                }

                Assert.DoesNotContain(waiting, one => until[one] <= now);
            }
        });

    [Fact]
    public void What_is_due_beyond_the_horizon_is_kept_when_it_is_found_within_it()
    {
        var schedule = new AsideSchedule(_ => null);

        Assert.True(schedule.Found(Group(9 * 60), Start));
        Assert.False(schedule.Found(Group(11 * 60), Start));
        Assert.Equal(Start.AddMinutes(9), schedule.Next);
        Assert.NotNull(schedule.TryTake(Start.AddMinutes(11)));
        Assert.Null(schedule.TryTake(Start.AddMinutes(11)));

        Assert.False(schedule.Found(Group(11 * 60), Start.AddSeconds(59)));
        Assert.True(schedule.Found(Group(11 * 60), Start.AddSeconds(60)));
        Assert.Equal(Start.AddMinutes(11), schedule.Next);
    }

    [Fact]
    public void Held_calls_and_what_is_none_of_ours_are_kept_whenever_they_come_back()
    {
        DateTimeOffset? until = Start.AddHours(1);
        var schedule = new AsideSchedule(_ => until);
        schedule.Found(AsideGroup.Held(Bench.Echo), Start);
        schedule.Found(AsideGroup.Of("q.aside.odd"), Start);

        Assert.NotNull(schedule.TryTake(Start)?.Foreign);
        Assert.Null(schedule.TryTake(Start));
        Assert.Equal(until, schedule.Next);
        until = null;
        Assert.Equal(Bench.Echo, schedule.TryTake(Start.AddHours(1))?.Function);
    }

    // A hint for some of them, and a look every few seconds that finds all: each is taken at the first look at the clock after its time, and none is missed.
    [Fact]
    public void However_far_away_calls_are_due_looks_find_them_in_time() =>
        Gen.Select(Gen.Int[0, 1800], Gen.Bool).Array[0, 20].Sample(calls =>
        {
            var schedule = new AsideSchedule(_ => null);
            foreach (var (second, _) in calls.Where(call => call.Item2))
            {
                schedule.Found(Group(second), Start);
            }

            var waiting = calls.Select(call => call.Item1).ToHashSet();
            for (var now = 0; now <= 1800; now += 5)
            {
                foreach (var second in waiting)
                {
                    schedule.Found(Group(second), Start.AddSeconds(now));
                }

                while (schedule.TryTake(Start.AddSeconds(now)) is { } group)
                {
                    waiting.Remove((int)(group.Due!.Value - Start).TotalSeconds);
                    schedule.Closed(group, null, Start.AddSeconds(now));
                }

                Assert.DoesNotContain(waiting, second => second <= now);
            }
        });

    // Whatever is found, taken and closed in whatever order: no group is open twice, none before its time, and one that was found is taken in the end.
    [Fact]
    public void No_group_is_lost_opened_twice_or_taken_early() =>
        Gen.Select(Gen.Int[0, 2], Gen.Int[0, 5], Gen.Int[0, 3]).Array[0, 60].Sample(steps =>
        {
            var schedule = new AsideSchedule(_ => null);
            var now = Start;
            var open = new Dictionary<string, AsideGroup>();
            var found = new HashSet<string>();
            foreach (var (what, second, pause) in steps)
            {
                now = now.AddMilliseconds(250 * pause);
                if (what == 0)
                {
                    schedule.Found(Group(second), now);
                    found.Add(Group(second).Token);
                }
                else if (what == 1)
                {
                    Take();
                }
                else if (open.Count > 0)
                {
                    Close(open.Values.First());
                }
            }

            now = Start.AddMinutes(10);
            open.Values.ToList().ForEach(Close);
            while (Take())
            {
            }

            Assert.Empty(found);

            bool Take()
            {
                if (schedule.TryTake(now) is not { } group)
                {
                    return false;
                }

                Assert.True(group.Due <= now);
                Assert.True(open.TryAdd(group.Token, group));
                found.Remove(group.Token);
                return true;
            }

            void Close(AsideGroup group)
            {
                open.Remove(group.Token);
                schedule.Closed(group, null, now);
            }
        });

    private static AsideGroup Group(int seconds) => AsideGroup.At(Start.AddSeconds(seconds));
}
