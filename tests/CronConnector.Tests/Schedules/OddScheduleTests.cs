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

    private static readonly Gen<DateTimeOffset> Instant = Gen.Frequency(
        (4, Gen.Long[0, 200L * 365 * 86_400].Select(s => DateTimeOffset.UnixEpoch.AddSeconds(s))),
        (1, Gen.OneOf("0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "2026-03-29T01:00:00Z", "2499-12-31T23:59:59Z", "9997-12-31T23:59:59Z", "9998-12-31T23:59:59Z", "9999-12-31T23:59:59Z")
            .Select(text => DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture))));

    [Fact]
    public void Any_annotations_are_schedules_or_bad_with_a_reason() => OddAnnotations.All.Sample(
        annotations =>
        {
            try
            {
                Assert.NotEmpty(Entry.Of(new Function(new FunctionName("fn", "openfaas-fn"), annotations), Policy));
            }
            catch (BadScheduleException fault)
            {
                Assert.NotEqual(BadSchedule.Fault, fault.Reason);
                Assert.InRange(fault.Message.Length, 10, 1_500);
            }
        },
        iter: Count,
        print: Print);

    [Fact]
    public void Their_ticks_are_found_whatever_clock_and_cursor_say() => Gen.Select(OddAnnotations.All, Instant, Instant).Sample(
        (annotations, last, clock) =>
        {
            foreach (var entry in Entries(annotations))
            {
                var state = new EntryState(entry);
                var due = state.Find(new Cursor(last), clock > DateTimeOffset.UnixEpoch ? clock : DateTimeOffset.UnixEpoch);

                Assert.True(state.WakeAt is null || state.WakeAt > last);
                Assert.True(due is null || due.Fire.SequenceEqual(due.Fire.Distinct().Order()));
            }
        },
        iter: Count,
        print: sample => $"{Print(sample.Item1)} after {sample.Item2:u} at {sample.Item3:u}");

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

    private static IReadOnlyList<Entry> Entries(Dictionary<string, string> annotations)
    {
        try
        {
            return Entry.Of(new Function(new FunctionName("fn", "openfaas-fn"), annotations), Policy);
        }
        catch (BadScheduleException)
        {
            return [];
        }
    }

    private static string Print(Dictionary<string, string> annotations) => System.Text.Json.JsonSerializer.Serialize(annotations);
}
