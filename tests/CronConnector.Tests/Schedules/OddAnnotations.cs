using CsCheck;

namespace Connectors.Cron.Tests.Schedules;

/// <summary>Annotations such as people, and generators of text, write them: of pieces that mean something, put together with little care.</summary>
internal static class OddAnnotations
{
    private static readonly string[] Zones = [.. TimeZoneInfo.GetSystemTimeZones().Select(z => z.Id), "Nowhere", "Europe", "posixrules", "../../etc/passwd", "", "CET-1CEST", "+01:00", "a\0b"];

    private static readonly Gen<string> Text = Gen.Frequency(
        (4, Gen.String[Gen.Char["0123456789*/,-?LW#@;: MONTUEJAN=_\t\n"], 0, 30]), (2, Gen.String[0, 40]), (1, Gen.String[Gen.Char[" ;*5\0é\u202e"], 900, 1_200]));

    private static readonly Gen<string> Number = Gen.Frequency(
        (6, Gen.Int[0, 31].Select(n => $"{n}")), (2, Gen.Int[-5, 100].Select(n => $"{n}")), (1, Gen.OneOf("007", "99999999999", "1e3", "0x5", "٣", "")));

    private static readonly Gen<string> Field = Gen.Frequency(
        (6, Gen.OneOf("*", "?", "*", "0", "L", "LW", "W", "#", "MON", "jan", "FRI#5", "SUNL", "15W", "L-3", "*/2", "*/0", "*/1", "?/1")),
        (4, Number),
        (2, Gen.Select(Number, Number, (a, b) => $"{a}-{b}")),
        (2, Gen.Select(Number, Number, Number, (a, b, c) => $"{a}-{b}/{c}")),
        (2, Gen.Select(Number, Number, (a, b) => $"{a},{b}")),
        (1, Gen.Select(Number, Number, (a, b) => $"{a}#{b}")),
        (1, Text));

    private static readonly Gen<string> Duration = Gen.Frequency(
        (3, Gen.Select(Gen.Int[0, 100_000], Gen.OneOf("s", "m", "h", "ms", "ns", "d", ""), (n, unit) => $"{n}{unit}")),
        (2, Gen.OneOf("70389528h", "2562047h47m16s", "9223372036s", "-1h", "1.5s", "0.0000001h", "99999999999999999999h", "1h1h1h", ".", "1s1", "∞")),
        (1, Text));

    private static readonly Gen<string> One = Gen.Frequency(
        (6, Field.Array[5].Select(fields => string.Join(' ', fields))),
        (4, Field.Array[6].Select(fields => string.Join(' ', fields))),
        (1, Field.Array[0, 9].Select(fields => string.Join(' ', fields))),
        (2, Gen.OneOf("@hourly", "@daily", "@weekly", "@every_second", "@every", "@", "@reboot", "@YEARLY")),
        (3, Duration.Select(d => "@every " + d)),
        (1, Text));

    private static readonly Gen<string> Zoned = Gen.Select(
        Gen.OneOf("", "", "TZ=", "CRON_TZ=", "tz="), Gen.OneOf(Zones), One, (prefix, zone, one) => prefix.Length == 0 ? one : $"{prefix}{zone} {one}");

    /// <summary>The annotation <c>schedule</c>.</summary>
    public static Gen<string> Schedule { get; } = Gen.Frequency(
        (8, Zoned),
        (2, Zoned.Array[1, 5].Select(all => string.Join(';', all))),
        (1, Gen.Int[90, 110].Select(count => string.Join(';', Enumerable.Range(0, count).Select(i => $"{i % 60} {i / 60} * * *")))));

    /// <summary>All annotations of a function.</summary>
    public static Gen<Dictionary<string, string>> All { get; } = Gen.Select(
        Schedule,
        Optional("timezone", Gen.Frequency((4, Gen.OneOf(Zones)), (1, Text))),
        Optional("com.openfaas.cron.async", Gen.OneOf("true", "false", "1", "yes", "", "TRUE ")),
        Optional("com.openfaas.cron.jitter", Duration),
        Optional("com.openfaas.cron.catch_up", Gen.Frequency((3, Gen.OneOf("none", "last", "all", "ALL", "0", "some")), (1, Text))),
        Optional("com.openfaas.cron.overlap", Gen.OneOf("allow", "forbid", "Forbid", "-1", "\0")),
        Gen.Select(Optional("com.openfaas.cron.body", Text), Optional("com.openfaas.cron.content_type", Text), (body, type) => body.Concat(type)),
        (schedule, zone, isAsync, jitter, catchUp, overlap, content) => new[] { KeyValuePair.Create("schedule", schedule) }
            .Concat(zone).Concat(isAsync).Concat(jitter).Concat(catchUp).Concat(overlap).Concat(content).ToDictionary());

    private static Gen<KeyValuePair<string, string>[]> Optional(string name, Gen<string> value) =>
        Gen.Frequency((4, Gen.Const(Array.Empty<KeyValuePair<string, string>>())), (1, value.Select(v => new[] { KeyValuePair.Create(name, v) })));
}
