using System.Globalization;
using Connectors.Sdk.Hosting;

namespace Connectors.Provider.Contracts;

/// <summary>
/// Texts that somebody gave by name, as labels and variables are, read for what they mean. Null is what is missing, empty, or cannot be read; of the last a fault
/// tells, a line that begins with the name.
/// </summary>
/// <param name="values">What was given; null for nothing.</param>
/// <param name="kind">What stands before a whole name in a fault, such as <c>labels.</c></param>
/// <param name="prefix">What each name begins with.</param>
/// <param name="faults">Where faults go.</param>
internal sealed class TextFields(IReadOnlyDictionary<string, string>? values, string kind, string prefix, IList<string> faults)
{
    public string? Text(string name) => values?.GetValueOrDefault(prefix + name)?.Trim() is { Length: > 0 } text ? text : null;

    /// <summary>A text that has to be such as <paramref name="isAllowed"/> says.</summary>
    public string? Text(string name, Func<string, bool> isAllowed, string allowed)
    {
        var text = Text(name);
        if (text is null || isAllowed(text))
        {
            return text;
        }

        Refuse(name, allowed);
        return null;
    }

    public string? OneOf(string name, params IReadOnlyList<string> words) => Text(name, words.Contains, string.Join(", ", words));

    public int? Number(string name) =>
        Parsed<int>(name, text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null, "is not a whole number");

    public ulong? Number(string name, ulong least, ulong most) => Parsed<ulong>(
        name,
        text => ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most ? number : null,
        Invalid($"a whole number from {least} to {most}"));

    /// <summary>A number above 0.</summary>
    public double? Fraction(string name, double most, string allowed) => Parsed<double>(
        name,
        text => double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number > 0 && number <= most ? number : null,
        Invalid(allowed));

    /// <summary>A duration of at most <paramref name="most"/>; null for what <see cref="GoDuration.Max"/> allows.</summary>
    public TimeSpan? Duration(string name, TimeSpan? most = null)
    {
        if (Text(name) is not { } text)
        {
            return null;
        }

        if (GoDuration.TryParse(text, out var duration, out var allowed, max: most))
        {
            return duration;
        }

        Refuse(name, allowed);
        return null;
    }

    /// <summary>Says what a field should have been.</summary>
    public void Refuse(string name, string allowed) => Fault(name, Invalid(allowed));

    /// <summary>Says of a field what is wrong with it.</summary>
    public void Fault(string name, string what) => faults.Add($"{kind}{prefix}{name}: \"{Text(name)}\" {what}");

    private static string Invalid(string allowed) => $"is not valid; allowed: {allowed}";

    private T? Parsed<T>(string name, Func<string, T?> parse, string fault)
        where T : struct
    {
        if (Text(name) is not { } text)
        {
            return null;
        }

        if (parse(text) is { } value)
        {
            return value;
        }

        Fault(name, fault);
        return null;
    }
}
