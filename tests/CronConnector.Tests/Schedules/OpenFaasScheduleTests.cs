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

    // Minutes, hours, days, months and days of the week.
    private static readonly Kind[] Kinds =
    [
        new(0, 59, []),
        new(0, 23, []),
        new(1, 31, []),
        new(1, 12, ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
        new(0, 6, ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
    ];

    private static readonly Gen<string[]> Fields = Gen.Select(
        Field(Kinds[0]), Field(Kinds[1]), Field(Kinds[2]), Field(Kinds[3]), Field(Kinds[4]), (minute, hour, day, month, week) => new[] { minute, hour, day, month, week });

    [Fact]
    public void Every_schedule_of_its_grammar_is_due_when_it_is_there() => Gen.Select(Fields, Gen.Int[0, 2_000_000]).Sample(
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
        var sets = fields.Select((field, i) => Read(field, Kinds[i])).ToArray();
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

    // The values of a field, and whether it counts as a star.
    private static (HashSet<int> Values, bool IsStar) Read(string field, Kind kind)
    {
        var (values, isStar) = (new HashSet<int>(), false);
        foreach (var part in field.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var pieces = part.Split('/');
            var ends = pieces[0].Split('-');
            var step = pieces.Length > 1 ? int.Parse(pieces[1], CultureInfo.InvariantCulture) : 1;
            var isAny = ends[0] is "*" or "?";
            var first = isAny ? kind.First : Value(ends[0], kind);
            var last = isAny || (ends.Length == 1 && pieces.Length > 1) ? kind.Last : Value(ends[^1], kind);
            isStar |= isAny && step == 1;
            for (var value = first; value <= last; value += step)
            {
                values.Add(value);
            }
        }

        return (values, isStar);
    }

    private static int Value(string text, Kind kind) =>
        Array.IndexOf(kind.Names, text) is >= 0 and var at ? kind.First + at : int.Parse(text, CultureInfo.InvariantCulture);

    private static Gen<string> Field(Kind kind) => Gen.Frequency(
        (1, Gen.Const("*")),
        (3, Part(kind).Array[1, 4].Select(parts => parts.All(part => part.Length == 0) ? "*" : string.Join(',', parts))));

    private static Gen<string> Part(Kind kind)
    {
        var any = Gen.OneOf("*", "?");
        var number = Gen.Int[kind.First, kind.Last].Select(n => $"{n}");
        var value = kind.Names.Length == 0 ? number : Gen.Frequency((3, number), (1, Gen.OneOf(kind.Names)));
        var span = Gen.Select(Gen.Int[kind.First, kind.Last], Gen.Int[kind.First, kind.Last], (a, b) => $"{Math.Min(a, b)}-{Math.Max(a, b)}");
        var step = Gen.Frequency((4, Gen.Int[1, kind.Last]), (2, Gen.Int[1, 3]), (1, Gen.Int[kind.Last + 1, 99]));
        return Gen.Frequency(
            (1, any),
            (3, Gen.Select(any, step, (a, s) => $"{a}/{s}")),
            (3, value),
            (3, Gen.Select(value, step, (v, s) => $"{v}/{s}")),
            (2, span),
            (2, Gen.Select(span, step, (r, s) => $"{r}/{s}")),
            (1, Gen.Const("")));
    }

    private sealed record Kind(int First, int Last, string[] Names);
}
