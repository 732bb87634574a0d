using System.Globalization;
using Connectors.Cron.Schedules;
using CsCheck;

namespace Connectors.Cron.Tests.Schedules;

/// <summary>What OpenFaaS's cron-connector takes is due here when it is there: beside ours, the rules of its parser (robfig/cron v3) written down once more.</summary>
public class OpenFaasScheduleTests
{
    // GENERATED_CASES=20000 for a long look.
    private static readonly int Count = int.Parse(Environment.GetEnvironmentVariable("GENERATED_CASES") ?? "300", CultureInfo.InvariantCulture);

    private static readonly DateTimeOffset Start = new(2027, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Every_schedule_of_its_grammar_is_due_when_it_is_there() => Gen.Select(ScheduleGrammar.Five, Gen.Int[0, 2_000_000]).Sample(
        (fields, minute) => Assert.Equal(Expected(fields, Start.AddMinutes(minute)), Found(fields, Start.AddMinutes(minute))),
        iter: Count,
        print: sample => $"{string.Join(' ', sample.Item1)} after {Start.AddMinutes(sample.Item2):u}");

    private static DateTimeOffset? Found(string[] fields, DateTimeOffset after)
    {
        try
        {
            return Assert.Single(ScheduleParser.Parse(string.Join(' ', fields), TimeZoneInfo.Utc)).Next(after);
        }
        catch (BadScheduleException fault) when (fault.Reason == BadSchedule.Never)
        {
            return null;
        }
    }

    // Whatever comes at all comes within eight years, as the 29th of February.
    private static DateTimeOffset? Expected(string[] fields, DateTimeOffset after)
    {
        var sets = fields.Select((field, i) => ScheduleGrammar.Read(field, ScheduleGrammar.Kinds[i + 1])).ToArray();
        var (minutes, hours, days, months, week) = (sets[0].Values, sets[1].Values, sets[2].Values, sets[3].Values, sets[4].Values);
        var isEither = !sets[2].IsStar && !sets[4].IsStar;
        for (var day = after - after.TimeOfDay; day < after.AddYears(8); day = day.AddDays(1))
        {
            var (isDay, isOfWeek) = (days.Contains(day.Day), week.Contains((int)day.DayOfWeek));
            if (months.Contains(day.Month) && (isEither ? isDay || isOfWeek : isDay && isOfWeek))
            {
                var due = hours.SelectMany(_ => minutes, (hour, minute) => day.AddHours(hour).AddMinutes(minute)).Where(at => at > after).Order().ToList();
                if (due.Count > 0)
                {
                    return due[0];
                }
            }
        }

        return null;
    }
}
