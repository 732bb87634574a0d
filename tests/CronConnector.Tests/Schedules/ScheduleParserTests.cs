using System.Globalization;
using Connectors.Cron.Schedules;
using CsCheck;

namespace Connectors.Cron.Tests.Schedules;

/// <summary>What this connector adds to Cronos: the notation of OpenFaaS. Expected instants are worked out by hand, in UTC.</summary>
public class ScheduleParserTests
{
    // GENERATED_CASES=20000 for a long look.
    private static readonly int Count = int.Parse(Environment.GetEnvironmentVariable("GENERATED_CASES") ?? "300", CultureInfo.InvariantCulture);

    private static readonly Gen<Draft> Drafts = Gen.Select(
        ScheduleGrammar.FiveOrSix,
        Gen.Int[0, 5],
        Gen.Int[0, 4],
        Gen.Bool,
        Gen.Bool,
        (fields, at, how, isListed, isDamaged) => isDamaged ? Damaged(fields, at % fields.Length, how, isListed) : new Draft(string.Join(' ', fields), false));

    [Theory]
    // 1 January 2026 is a Thursday.
    [InlineData("*/15 * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:15:00Z 2026-01-01T00:30:00Z")]
    [InlineData("0 9 * * MON-FRI", "2026-01-02T10:00:00Z", "2026-01-05T09:00:00Z 2026-01-06T09:00:00Z")]
    [InlineData("30 0 9 * * 1", "2026-01-01T00:00:00Z", "2026-01-05T09:00:30Z 2026-01-12T09:00:30Z")]
    [InlineData("*/20 * * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:00:20Z 2026-01-01T00:00:40Z 2026-01-01T00:01:00Z")]
    [InlineData("  0   0  1 1  * ", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")]
    [InlineData("@yearly", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")]
    [InlineData("@annually", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")]
    [InlineData("@monthly", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z 2026-03-01T00:00:00Z")]
    [InlineData("@weekly", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z 2026-01-11T00:00:00Z")]
    [InlineData("@daily", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")]
    [InlineData("@midnight", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")]
    [InlineData("@hourly", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z")]
    [InlineData("@Hourly", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z")]
    // A step beyond its field leaves the first value.
    [InlineData("*/90 * * * *", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z 2026-01-01T02:00:00Z")]
    [InlineData("0 5-50/60,20/99 */24 */32 ?/13 */8", "2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z 2026-01-01T00:20:00Z 2026-01-04T00:05:00Z")]
    // N/step ends with Saturday in the week. One that begins with 7, Cronos's other Sunday, is that Sunday.
    [InlineData("0 9 * * 1/2", "2026-01-01T00:00:00Z", "2026-01-02T09:00:00Z 2026-01-05T09:00:00Z 2026-01-07T09:00:00Z 2026-01-09T09:00:00Z")]
    [InlineData("0 9 * * MON/2", "2026-01-01T00:00:00Z", "2026-01-02T09:00:00Z 2026-01-05T09:00:00Z 2026-01-07T09:00:00Z 2026-01-09T09:00:00Z")]
    [InlineData("0 9 * * 1/1", "2026-01-01T10:00:00Z", "2026-01-02T09:00:00Z 2026-01-03T09:00:00Z 2026-01-05T09:00:00Z")]
    [InlineData("0 9 * * 3/4", "2026-01-01T00:00:00Z", "2026-01-07T09:00:00Z 2026-01-14T09:00:00Z")]
    [InlineData("0 9 * * 4/3", "2026-01-01T00:00:00Z", "2026-01-01T09:00:00Z 2026-01-08T09:00:00Z")]
    [InlineData("0 0 9 * * sun/7,thu/7", "2026-01-01T00:00:00Z", "2026-01-01T09:00:00Z 2026-01-04T09:00:00Z 2026-01-08T09:00:00Z")]
    [InlineData("0 9 * * 7/2", "2026-01-01T00:00:00Z", "2026-01-04T09:00:00Z 2026-01-11T09:00:00Z")]
    // A star in a list, with a step or without, and parts that are empty.
    [InlineData("*/15,50 9 * * *", "2026-01-01T09:30:00Z", "2026-01-01T09:45:00Z 2026-01-01T09:50:00Z 2026-01-02T09:00:00Z")]
    [InlineData("*/20,5 * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z 2026-01-01T00:20:00Z 2026-01-01T00:40:00Z 2026-01-01T01:00:00Z")]
    [InlineData("5,?/20 * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z 2026-01-01T00:20:00Z 2026-01-01T00:40:00Z 2026-01-01T01:00:00Z")]
    [InlineData("?/20 ?/12 * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:20:00Z 2026-01-01T00:40:00Z 2026-01-01T12:00:00Z")]
    [InlineData("0 9 5,* * *", "2026-01-01T00:00:00Z", "2026-01-01T09:00:00Z 2026-01-02T09:00:00Z")]
    [InlineData("0 9 */10,5 * *", "2026-01-01T00:00:00Z", "2026-01-01T09:00:00Z 2026-01-05T09:00:00Z 2026-01-11T09:00:00Z")]
    [InlineData("0 9,10, * * *", "2026-01-01T00:00:00Z", "2026-01-01T09:00:00Z 2026-01-01T10:00:00Z 2026-01-02T09:00:00Z")]
    [InlineData(",0,,30 9 * * *", "2026-01-01T00:00:00Z", "2026-01-01T09:00:00Z 2026-01-01T09:30:00Z 2026-01-02T09:00:00Z")]
    public void Reads_fields_and_names(string schedule, string from, string expected) => Assert.Equal(expected, Ticks(schedule, from, expected));

    [Theory]
    // The 13th or a Friday, as OpenFaaS has it: 2 and 9 January 2026 are Fridays, the 13th is a Tuesday.
    [InlineData("0 0 13 * FRI", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z 2026-01-09T00:00:00Z 2026-01-13T00:00:00Z 2026-01-16T00:00:00Z")]
    [InlineData("0 0 0 13 * FRI", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z 2026-01-09T00:00:00Z 2026-01-13T00:00:00Z 2026-01-16T00:00:00Z")]
    // A star with a step restricts: odd days, or Mondays (the 12th).
    [InlineData("0 0 */2 * MON", "2026-01-09T12:00:00Z", "2026-01-11T00:00:00Z 2026-01-12T00:00:00Z 2026-01-13T00:00:00Z")]
    // A star does not, in a list neither, nor does a step of one. A day with a step of one does.
    [InlineData("0 0 * * FRI", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z 2026-01-09T00:00:00Z")]
    [InlineData("0 0 */1 * FRI", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z 2026-01-09T00:00:00Z")]
    [InlineData("0 0 */01 * FRI", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z 2026-01-09T00:00:00Z")]
    [InlineData("0 0 13,* * FRI", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z 2026-01-09T00:00:00Z")]
    [InlineData("0 0 13 * 1,?/1", "2026-01-01T00:00:00Z", "2026-01-13T00:00:00Z 2026-02-13T00:00:00Z")]
    [InlineData("0 0 */10,6 * FRI", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z 2026-01-06T00:00:00Z 2026-01-09T00:00:00Z 2026-01-11T00:00:00Z")]
    [InlineData("0 0 1/1 * FRI", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z 2026-01-03T00:00:00Z")]
    [InlineData("0 0 13 * *", "2026-01-01T00:00:00Z", "2026-01-13T00:00:00Z 2026-02-13T00:00:00Z")]
    [InlineData("0 0 13 * ?", "2026-01-01T00:00:00Z", "2026-01-13T00:00:00Z 2026-02-13T00:00:00Z")]
    [InlineData("0 0 ? * FRI", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z 2026-01-09T00:00:00Z")]
    [InlineData("? ? 1 * FRI", "2026-01-01T23:58:00Z", "2026-01-01T23:59:00Z 2026-01-02T00:00:00Z 2026-01-02T00:01:00Z")]
    // Friday the 2nd is both, and comes once.
    [InlineData("0 0 2 * FRI", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z 2026-01-09T00:00:00Z")]
    public void Day_of_month_and_day_of_week_are_either_or_when_both_are_restricted(string schedule, string from, string expected) =>
        Assert.Equal(expected, Ticks(schedule, from, expected));

    [Theory]
    [InlineData("@every 1h30m", "2026-01-01T00:00:00Z", "2026-01-01T01:30:00Z 2026-01-01T03:00:00Z")]
    [InlineData("@every 90s", "2026-01-01T00:00:10Z", "2026-01-01T00:01:30Z 2026-01-01T00:03:00Z")]
    [InlineData("@every 1.5s", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z 2026-01-01T00:00:02Z")]
    [InlineData("@EVERY 24h", "2026-01-01T12:00:00Z", "2026-01-02T00:00:00Z 2026-01-03T00:00:00Z")]
    // 20,454 days lie between 1 January 1970 and 1 January 2026; 20,454 mod 7 = 0, so a week from the epoch ends there.
    [InlineData("@every 168h", "2026-01-01T00:00:00Z", "2026-01-08T00:00:00Z")]
    public void A_period_counts_from_the_epoch_so_that_all_replicas_agree(string schedule, string from, string expected) =>
        Assert.Equal(expected, Ticks(schedule, from, expected));

    [Theory]
    // Berlin is UTC+1 in winter and UTC+2 in summer; New York UTC-5 and UTC-4; Kolkata UTC+5:30 always.
    [InlineData("CRON_TZ=Europe/Berlin 0 9 * * *", "2026-01-01T00:00:00Z", "2026-01-01T08:00:00Z")]
    [InlineData("TZ=Europe/Berlin 0 9 * * *", "2026-07-01T00:00:00Z", "2026-07-01T07:00:00Z")]
    [InlineData("TZ=America/New_York   @daily", "2026-01-01T00:00:00Z", "2026-01-01T05:00:00Z 2026-01-02T05:00:00Z")]
    [InlineData("TZ=Asia/Kolkata 0 0 9 * * *", "2026-01-01T00:00:00Z", "2026-01-01T03:30:00Z")]
    [InlineData("TZ=UTC 0 9 * * *", "2026-01-01T00:00:00Z", "2026-01-01T09:00:00Z")]
    [InlineData("TZ=Europe/Berlin @every 24h", "2026-01-01T12:00:00Z", "2026-01-02T00:00:00Z")]
    // 29 March 2026: Berlin's clock jumps from 02:00 to 03:00, which is 01:00 UTC; 25 October it goes back from 03:00 to 02:00.
    [InlineData("TZ=Europe/Berlin 30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z 2026-03-30T00:30:00Z")]
    [InlineData("TZ=Europe/Berlin 30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z 2026-10-26T01:30:00Z")]
    public void A_prefix_names_the_zone(string schedule, string from, string expected) => Assert.Equal(expected, Ticks(schedule, from, expected));

    [Fact]
    public void The_annotation_timezone_counts_where_there_is_no_prefix()
    {
        var schedules = ScheduleParser.Parse("0 9 * * *; TZ=America/New_York 0 9 * * *;", ScheduleParser.Zone("Asia/Kolkata"));

        Assert.Equal(["Asia/Kolkata", "America/New_York"], schedules.Select(s => s.Zone.Id));
    }

    [Theory]
    [InlineData("*/5 * * * *; 0 0 * * 1,5", 2)]
    [InlineData("*/5 * * * *;;", 1)]
    [InlineData("*/5 * * * *; */5 * * * *", 1)]
    [InlineData("*/5 * * * *; TZ=Europe/Berlin */5 * * * *", 2)]
    public void Several_schedules_stand_with_a_semicolon_between_them_each_once(string annotation, int count) =>
        Assert.Equal(count, ScheduleParser.Parse(annotation, TimeZoneInfo.Utc).Count);

    [Theory]
    [InlineData("", "Empty")]
    [InlineData(" ; ", "Empty")]
    [InlineData("* * * *", "Syntax")]
    [InlineData("* * * * * * *", "Syntax")]
    [InlineData("60 * * * *", "Syntax")]
    [InlineData("*,60 * * * *", "Syntax")]
    [InlineData("*/0,5 * * * *", "Syntax")]
    [InlineData(", * * * *", "Syntax")]
    [InlineData("* * * * ;", "Syntax")]
    [InlineData("@sometimes", "Syntax")]
    [InlineData("every minute", "Syntax")]
    [InlineData("* * * * *; nonsense", "Syntax")]
    [InlineData("TZ=Europe/Berlin", "Syntax")]
    [InlineData("TZ=Mars/Olympus * * * * *", "Zone")]
    [InlineData("TZ= * * * * *", "Zone")]
    [InlineData("CRON_TZ=../../etc/passwd * * * * *", "Zone")]
    [InlineData("@every", "Syntax")]
    [InlineData("@every soon", "Every")]
    [InlineData("@every 0s", "Every")]
    [InlineData("@every 500ms", "Every")]
    [InlineData("@every -1h", "Every")]
    [InlineData("0 0 30 2 *", "Never")]
    public void What_is_no_schedule_is_told_with_its_reason(string annotation, string reason)
    {
        var fault = Assert.Throws<BadScheduleException>(() => ScheduleParser.Parse(annotation, TimeZoneInfo.Utc));

        Assert.Equal(reason, fault.Reason.ToString());
    }

    [Fact]
    public void What_follows_the_grammar_is_a_schedule_and_with_one_damaged_field_it_is_none()
    {
        var good = 0;
        Drafts.Sample(
            draft =>
            {
                if (draft.IsDamaged)
                {
                    Assert.Equal(BadSchedule.Syntax, Assert.Throws<BadScheduleException>(() => ScheduleParser.Parse(draft.Text, TimeZoneInfo.Utc)).Reason);
                    return;
                }

                try
                {
                    Assert.Single(ScheduleParser.Parse(draft.Text, TimeZoneInfo.Utc));
                    Interlocked.Increment(ref good);
                }
                catch (BadScheduleException fault)
                {
                    // The 30th of February follows it too.
                    Assert.Equal(BadSchedule.Never, fault.Reason);
                }
            },
            iter: Count,
            print: draft => draft.ToString());
        Assert.InRange(good, Count / 4, Count);
    }

    // One of the fields is, or has behind a comma, what none may be.
    private static Draft Damaged(string[] fields, int at, int how, bool isListed)
    {
        var kind = ScheduleGrammar.Kinds[at + ScheduleGrammar.Kinds.Count - fields.Length];

        // 7 is another Sunday.
        var damage = how switch { 0 => $"{kind.Last + 2}", 1 => "*/0", 2 => "1/2/3", 3 => $"{kind.First}-", _ => "x" };
        return new Draft(string.Join(' ', (string[])[.. fields[..at], isListed ? $"{fields[at]},{damage}" : damage, .. fields[(at + 1)..]]), true);
    }

    private static string Ticks(string schedule, string from, string expected)
    {
        var parsed = Assert.Single(ScheduleParser.Parse(schedule, TimeZoneInfo.Utc));
        var instant = DateTimeOffset.Parse(from, CultureInfo.InvariantCulture);
        var found = new List<string>();
        foreach (var _ in expected.Split(' '))
        {
            instant = parsed.Next(instant)!.Value;
            found.Add(instant.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'"));
        }

        return string.Join(' ', found);
    }

    private sealed record Draft(string Text, bool IsDamaged);
}
