using System.Globalization;
using System.Text.RegularExpressions;

namespace Connectors.Gateway.Enqueueing;

/// <summary>A time as RFC 3339 has it, with its zone, and in no other form: what else looks like a time is one of another country, or of today.</summary>
internal static partial class Rfc3339
{
    public static bool TryParse(string text, out DateTimeOffset time)
    {
        time = default;
        return Form().IsMatch(text) && DateTimeOffset.TryParse(text.ToUpperInvariant(), CultureInfo.InvariantCulture, DateTimeStyles.None, out time);
    }

    [GeneratedRegex(@"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)\z", RegexOptions.ECMAScript)]
    private static partial Regex Form();
}
