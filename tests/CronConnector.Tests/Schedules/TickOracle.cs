using System.Globalization;
using CsCheck;

namespace Connectors.Cron.Tests.Schedules;

/// <summary>When a schedule is due, found by a look at each second: the rules of docs/cron.md written down once more, and nothing of Cronos.</summary>
internal sealed class TickOracle
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    private static readonly Dictionary<string, string> Macros = new()
    {
        ["@yearly"] = "0 0 1 1 *",
        ["@monthly"] = "0 0 1 * *",
        ["@weekly"] = "0 0 * * 0",
        ["@daily"] = "0 0 * * *",
        ["@midnight"] = "0 0 * * *",
        ["@hourly"] = "0 * * * *",
    };

    private readonly TimeZoneInfo _zone;
    private readonly Func<DateTime, bool> _shows;
    private readonly bool _isInterval;

    /// <summary>An oracle of one of <see cref="Schedules"/>.</summary>
    public TickOracle(string schedule, TimeZoneInfo zone)
    {
        _zone = zone;
        var fields = Macros.GetValueOrDefault(schedule, schedule).Split(' ');
        _isInterval = fields[..^3].Any(field => field.AsSpan().ContainsAny("*?-/"));
        _shows = Matching(fields.Length == 6 ? fields : (string[])["0", .. fields]);
    }

    /// <summary>Schedules that an oracle knows; of their days more than half are any.</summary>
    public static Gen<string> Schedules { get; } = Gen.Frequency(
        (1, Gen.OneOf(Macros.Keys.ToArray())),
        (9, Gen.Select(
            ScheduleGrammar.FiveOrSix, OfDays(3, LastDays()), OfDays(4), OfDays(5, SomeWeekdays()), (fields, day, month, week) => string.Join(' ', (string[])[.. fields[..^3], day, month, week]))));

    /// <summary>All instants after one and up to another at which it is due.</summary>
    public List<DateTimeOffset> Between(DateTimeOffset from, DateTimeOffset to)
    {
        var (start, end) = (new DateTime(from.UtcTicks - (from.UtcTicks % TimeSpan.TicksPerSecond), DateTimeKind.Utc) + Second, to.UtcDateTime);
        var (due, offsets, before) = (new List<DateTimeOffset>(), Offsets(start - Day, end), _zone.GetUtcOffset(start - Second));
        for (var at = start; at <= end; at += Second)
        {
            var offset = _zone.GetUtcOffset(at);
            if (LeavesOut(at, before, offset) || (_shows(at + offset) && (_isInterval || !WasShown(at, offset, offsets))))
            {
                due.Add(new DateTimeOffset(at));
            }

            before = offset;
        }

        return due;
    }

    // What the clock was ahead of UTC in that time; none keeps that for less than an hour.
    private HashSet<TimeSpan> Offsets(DateTime from, DateTime to)
    {
        var offsets = new HashSet<TimeSpan>();
        for (var at = from; at <= to; at += TimeSpan.FromMinutes(30))
        {
            offsets.Add(_zone.GetUtcOffset(at));
        }

        return offsets;
    }

    // Whether the clock jumps past a time of the schedule's.
    private bool LeavesOut(DateTime at, TimeSpan before, TimeSpan offset)
    {
        for (var shown = at + before; shown < at + offset; shown += Second)
        {
            if (_shows(shown))
            {
                return true;
            }
        }

        return false;
    }

    // Whether the clock has shown that time before, and was put back since.
    private bool WasShown(DateTime at, TimeSpan offset, HashSet<TimeSpan> offsets) => offsets.Any(o => o > offset && _zone.GetUtcOffset(at + offset - o) == o);

    private static Func<DateTime, bool> Matching(string[] fields)
    {
        var sets = new[] { 0, 1, 2, 4 }.Select(i => ScheduleGrammar.Read(fields[i], ScheduleGrammar.Kinds[i]).Values).ToArray();
        var ((isDay, isAnyDay), (isOfWeek, isAnyOfWeek)) = (OfMonth(fields[3]), OfWeek(fields[5]));
        return shown => sets[0].Contains(shown.Second) && sets[1].Contains(shown.Minute) && sets[2].Contains(shown.Hour) && sets[3].Contains(shown.Month)
            && (isAnyDay || isAnyOfWeek ? isDay(shown) && isOfWeek(shown) : isDay(shown) || isOfWeek(shown));
    }

    // L: the last one, L-2: two before it, 15W: the weekday of the month that is the nearest to the 15th.
    private static (Func<DateTime, bool> Is, bool IsAny) OfMonth(string field)
    {
        if (field[0] != 'L' && field[^1] != 'W')
        {
            var (days, isAny) = ScheduleGrammar.Read(field, ScheduleGrammar.Kinds[3]);
            return (shown => days.Contains(shown.Day), isAny);
        }

        var (isLast, isWeekday, number) = (field[0] == 'L', field[^1] == 'W', field.Trim('L', '-', 'W'));
        var count = number.Length == 0 ? 0 : int.Parse(number, CultureInfo.InvariantCulture);
        return (
            shown =>
            {
                var last = DateTime.DaysInMonth(shown.Year, shown.Month);
                var day = isLast ? last - count : count;
                return day >= 1 && day <= last && shown.Day == (isWeekday ? Weekday(new DateTime(shown.Year, shown.Month, day), last) : day);
            },
            false);
    }

    private static int Weekday(DateTime date, int last) => date.DayOfWeek switch
    {
        DayOfWeek.Saturday => date.Day == 1 ? 3 : date.Day - 1,
        DayOfWeek.Sunday => date.Day == last ? last - 2 : date.Day + 1,
        _ => date.Day,
    };

    // 5#2: the second Friday of the month, 5L: its last one.
    private static (Func<DateTime, bool> Is, bool IsAny) OfWeek(string field)
    {
        var kind = ScheduleGrammar.Kinds[5];
        if (field.Split('#') is [var nth, var count])
        {
            return (shown => (int)shown.DayOfWeek == ScheduleGrammar.Value(nth, kind) && (shown.Day + 6) / 7 == int.Parse(count, CultureInfo.InvariantCulture), false);
        }

        if (field[^1] == 'L')
        {
            return (shown => (int)shown.DayOfWeek == ScheduleGrammar.Value(field[..^1], kind) && shown.Day + 7 > DateTime.DaysInMonth(shown.Year, shown.Month), false);
        }

        var (days, isAny) = ScheduleGrammar.Read(field, kind);
        return (shown => days.Contains((int)shown.DayOfWeek), isAny);
    }

    private static Gen<string> OfDays(int kind, Gen<string>? more = null) =>
        Gen.Frequency((5, Gen.Const("*")), (2, ScheduleGrammar.Field(ScheduleGrammar.Kinds[kind])), (1, more ?? Gen.Const("*")));

    private static Gen<string> LastDays() => Gen.Select(
        Gen.OneOf("L", "W", "LW"), Gen.Int[0, 31], (kind, day) => kind == "W" ? $"{Math.Max(1, day)}W" : day is 0 or 31 ? kind : $"L-{day}{kind[1..]}");

    private static Gen<string> SomeWeekdays() => Gen.Select(
        Gen.OneOf("0", "1", "2", "3", "4", "5", "6", "sun", "fri"), Gen.OneOf("L", "#1", "#2", "#5"), (day, which) => day + which);
}
