using Connectors.Cron.Cursors;
using Connectors.Cron.Schedules;
using Connectors.Cron.Ticking;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Topics;
using CsCheck;

namespace Connectors.Cron.Tests.Schedules;

/// <summary>Whatever the annotations say, they are schedules or a bad schedule with its reason, and whatever the clock and the cursor say, their ticks are found.</summary>
public class OddScheduleTests
{
    // GENERATED_CASES=2000 for the whole of it.
    private static readonly int Count = int.Parse(Environment.GetEnvironmentVariable("GENERATED_CASES") ?? "300", System.Globalization.CultureInfo.InvariantCulture);

    private static readonly TickPolicy Policy = TickPolicy.Read(new Settings(new Dictionary<string, string> { ["catch_up"] = "all", ["jitter"] = "1h" }), asynchronous: true);

    private static readonly TimeSpan CatchUpWindow = TimeSpan.FromHours(2);
    private static readonly TimeSpan Ahead = TimeSpan.FromHours(1);

    private static readonly Gen<DateTimeOffset> Instant = Gen.Frequency(
        (4, Gen.Long[0, 200L * 365 * 86_400].Select(s => DateTimeOffset.UnixEpoch.AddSeconds(s))),
        (1, Gen.OneOf("0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "2026-03-29T01:00:00Z", "2499-12-31T23:59:59Z", "9997-12-31T23:59:59Z", "9998-12-31T23:59:59Z", "9999-12-31T23:59:59Z")
            .Select(text => DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture))));

    // From 2000 to 2035, half of them beside a move of the zone's clock; the cursor lies up to three hours behind.
    private static readonly Gen<Case> Cases = Gen.Select(
        TickOracle.Schedules,
        Gen.Frequency(
            (1, Gen.OneOf(TimeZoneInfo.GetSystemTimeZones().Select(z => z.Id).ToArray())),
            (1, Gen.OneOf("Europe/Berlin", "Europe/Dublin", "Africa/Casablanca", "Australia/Lord_Howe", "America/Havana"))),
        Gen.Select(Gen.Int[946_684_800, 2_051_222_400], Gen.Bool, Gen.Int[-3_600, 4 * 3_600]),
        Gen.Int[0, 3 * 3_600],
        Gen.Bool,
        Gen.OneOf("none", "last", "all"),
        (schedule, zone, clock, behind, isAsync, catchUp) => new Case(schedule, TimeZoneInfo.FindSystemTimeZoneById(zone), Clock(zone, clock), behind, isAsync, catchUp));

    [Fact]
    public void Any_annotations_are_schedules_or_bad_with_a_reason()
    {
        var good = 0;
        OddAnnotations.All.Sample(
            annotations =>
            {
                try
                {
                    Assert.NotEmpty(Entry.Of(new Function(new FunctionName("fn", "openfaas-fn"), annotations), Policy));
                    Interlocked.Increment(ref good);
                }
                catch (BadScheduleException fault)
                {
                    Assert.NotEqual(BadSchedule.Fault, fault.Reason);
                    Assert.InRange(fault.Message.Length, 10, 1_500);
                }
            },
            iter: Count,
            print: Print);
        Assert.InRange(good, Count / 50, Count);
    }

    [Fact]
    public void Their_ticks_are_found_whatever_clock_and_cursor_say() => Gen.Select(OddAnnotations.All, Instant, Instant).Sample(
        (annotations, last, clock) =>
        {
            foreach (var entry in Entries(annotations))
            {
                var state = new EntryState(entry);
                var due = state.Find(new Cursor(last), clock > DateTimeOffset.UnixEpoch ? clock : DateTimeOffset.UnixEpoch);

                Assert.True(state.WakeAt is null || state.WakeAt > last);
                Assert.All(due?.Fire ?? [], tick => Assert.InRange(tick, last.AddTicks(1), clock));
            }
        },
        iter: Count,
        print: sample => $"{Print(sample.Item1)} after {sample.Item2:u} at {sample.Item3:u}");

    [Fact]
    public void What_is_fired_is_what_the_clock_of_its_zone_has_shown_as_far_back_as_is_caught_up_with()
    {
        var (compared, fired) = (0, 0);
        Cases.Sample(
            sample =>
            {
                // Some never come.
                if (Entries(sample.Annotations, Policy with { CatchUpWindow = CatchUpWindow }) is not [var entry])
                {
                    return;
                }

                var oracle = new TickOracle(sample.Schedule, sample.Zone);
                var (last, now) = (sample.Clock.AddSeconds(-sample.Behind), sample.Clock - entry.Delay);
                var (found, wakeAt) = Fire(entry, last, sample.Clock);

                var due = oracle.Between(Later(last, now - CatchUpWindow), now);
                var late = due.Count(tick => now - tick <= Policy.MisfireThreshold);
                Assert.Equal(due.TakeLast(sample.CatchUp switch { "all" => due.Count, "last" => late + 1, _ => late }), found);

                var next = oracle.Between(Later(last, now), Later(last, now) + Ahead);
                Assert.True(
                    next.Count > 0 ? wakeAt == next[0] + entry.Delay : wakeAt is null || wakeAt > Later(last, now) + Ahead + entry.Delay, $"it is looked at again at {wakeAt:u}");
                Interlocked.Increment(ref compared);
                Interlocked.Add(ref fired, found.Count > 0 ? 1 : 0);
            },
            iter: Count,
            print: sample => sample.ToString());
        Assert.InRange(compared, Count / 2, Count);
        Assert.InRange(fired, Count / 20, Count);
    }

    [Theory]
    [InlineData("@every 70389528h", BadSchedule.Every)]
    [InlineData("@every 2562047788h", BadSchedule.Every)]
    [InlineData("0 0 31 6 *", BadSchedule.Never)]
    public void Periods_and_days_beyond_the_calendar_are_bad(string schedule, object reason) =>
        Assert.Equal(reason, Assert.Throws<BadScheduleException>(() => ScheduleParser.Parse(schedule, TimeZoneInfo.Utc)).Reason);

    [Fact]
    public void The_longest_period_comes_once_and_then_never() =>
        Assert.Null(Assert.Single(ScheduleParser.Parse("@every 70300000h", TimeZoneInfo.Utc)) is var schedule && schedule.Next(DateTimeOffset.UnixEpoch) is { Year: 9989 } once
            ? schedule.Next(once) : DateTimeOffset.MinValue);

    [Fact]
    public void A_name_too_long_for_a_key_is_bad_and_one_without_namespace_is_not()
    {
        var annotations = new Dictionary<string, string> { ["schedule"] = "* * * * *" };

        Assert.Equal(BadSchedule.Name, Assert.Throws<BadScheduleException>(() => Entry.Of(new Function(new FunctionName(new string('é', 300), "ns"), annotations), Policy)).Reason);
        var key = Assert.Single(Entry.Of(new Function(new FunctionName("fn", ""), annotations), Policy)).Key;
        Assert.Matches(@"^fn\.[-_A-Za-z0-9]{22}$", key);
    }

    private static IReadOnlyList<Entry> Entries(Dictionary<string, string> annotations, TickPolicy? policy = null)
    {
        try
        {
            return Entry.Of(new Function(new FunctionName("fn", "openfaas-fn"), annotations), policy ?? Policy);
        }
        catch (BadScheduleException)
        {
            return [];
        }
    }

    // All that goes out, of calls that are enqueued one after another, and when to look again.
    private static (List<DateTimeOffset> Fired, DateTimeOffset? WakeAt) Fire(Entry entry, DateTimeOffset cursor, DateTimeOffset clock)
    {
        var (state, fired) = (new EntryState(entry), new List<DateTimeOffset>());
        while (state.Find(new Cursor(cursor), clock) is { Fire.Count: > 0 } due)
        {
            fired.AddRange(due.Fire);
            cursor = due.Fire[^1];
            if (!entry.Policy.Asynchronous)
            {
                break;
            }
        }

        return (fired, state.WakeAt);
    }

    private static DateTimeOffset Clock(string zone, (int Second, bool IsBesideMove, int Beside) clock)
    {
        var (at, place) = (DateTimeOffset.UnixEpoch.AddSeconds(clock.Second), TimeZoneInfo.FindSystemTimeZoneById(zone));
        return clock.IsBesideMove && Enumerable.Range(0, 400 * 24).Select(hour => at.AddHours(hour)).FirstOrDefault(t => place.GetUtcOffset(t) != place.GetUtcOffset(t.AddHours(1))) is { Year: > 1 } move
            ? move.AddSeconds(clock.Beside)
            : at;
    }

    private static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;

    private static string Print(Dictionary<string, string> annotations) => System.Text.Json.JsonSerializer.Serialize(annotations);

    private sealed record Case(string Schedule, TimeZoneInfo Zone, DateTimeOffset Clock, int Behind, bool IsAsync, string CatchUp)
    {
        public Dictionary<string, string> Annotations => new()
        {
            ["schedule"] = Schedule,
            ["timezone"] = Zone.Id,
            ["com.openfaas.cron.async"] = IsAsync ? "true" : "false",
            ["com.openfaas.cron.catch_up"] = CatchUp,
        };
    }
}
