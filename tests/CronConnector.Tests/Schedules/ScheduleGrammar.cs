using System.Globalization;
using CsCheck;

namespace Connectors.Cron.Tests.Schedules;

/// <summary>The grammar of OpenFaaS's schedules (robfig/cron v3), and what its fields stand for, written down once more.</summary>
internal static class ScheduleGrammar
{
    /// <summary>Seconds, minutes, hours, days, months and days of the week.</summary>
    public static IReadOnlyList<FieldKind> Kinds { get; } =
    [
        new(0, 59, []),
        new(0, 59, []),
        new(0, 23, []),
        new(1, 31, []),
        new(1, 12, ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
        new(0, 6, ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
    ];

    /// <summary>Minute, hour, day, month and day of the week.</summary>
    public static Gen<string[]> Five { get; } = Gen.Select(
        Field(Kinds[1]), Field(Kinds[2]), Field(Kinds[3]), Field(Kinds[4]), Field(Kinds[5]), (minute, hour, day, month, week) => new[] { minute, hour, day, month, week });

    /// <summary>The same, or with the second before them.</summary>
    public static Gen<string[]> FiveOrSix { get; } = Gen.Select(Gen.Bool, Field(Kinds[0]), Five, (hasSecond, second, five) => hasSecond ? (string[])[second, .. five] : five);

    /// <summary>A field of a kind: a star, or a list.</summary>
    public static Gen<string> Field(FieldKind kind) => Gen.Frequency(
        (1, Gen.Const("*")),
        (3, Part(kind).Array[1, 4].Select(parts => parts.All(part => part.Length == 0) ? "*" : string.Join(',', parts))));

    /// <summary>The values of a field, and whether it counts as a star.</summary>
    public static (HashSet<int> Values, bool IsStar) Read(string field, FieldKind kind)
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

    /// <summary>A value by its number or its name.</summary>
    public static int Value(string text, FieldKind kind) =>
        Array.IndexOf(kind.Names, text) is >= 0 and var at ? kind.First + at : int.Parse(text, CultureInfo.InvariantCulture);

    private static Gen<string> Part(FieldKind kind)
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
}

/// <summary>What a field may hold: numbers from one to another, and names for them.</summary>
internal sealed record FieldKind(int First, int Last, string[] Names);
