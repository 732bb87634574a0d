using System.Globalization;
using Connectors.Gateway.Enqueueing;
using Connectors.Sdk.Hosting;

namespace Connectors.Gateway.Queues;

/// <summary>
/// A time in an operator's query. What is deleted and cancelled by it cannot be brought back, so what could be meant in several ways is refused:
/// <code>
/// 2026-11-28T09:00:00Z, 2026-11-28                 that time; the beginning of that day in UTC
/// 90m, 1h30m, 90                                   so long ago, a number alone in seconds
/// 1764320400, 20261128, 28/11/2026, 09:00          none: as many seconds ago would be years, and there is no saying which day
/// </code>
/// </summary>
internal static class QueryTime
{
    public const string Rule =
        "an RFC 3339 time with its zone such as 2026-01-02T03:04:05Z, a day such as 2026-01-02, or how long ago, such as 90m (a number of up to 6 digits is seconds)";

    private const int MaxDigits = 6;

    /// <summary>False for what is no time, nor how long ago; null for none given.</summary>
    public static bool TryRead(string? given, TimeProvider time, out DateTimeOffset? at)
    {
        at = null;
        if (string.IsNullOrEmpty(given))
        {
            return true;
        }

        var text = given.Trim();
        if (MayBeDuration(text) && GoDuration.TryParse(text, out var ago))
        {
            var now = time.GetUtcNow();
            at = ago < now - DateTimeOffset.MinValue ? now - ago : DateTimeOffset.MinValue;
        }
        else if (Rfc3339.TryParse(text, out var read) || DateTimeOffset.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out read))
        {
            at = read.ToUniversalTime();
        }

        return at is not null;
    }

    /// <summary>To be added to what a refusal says: which time that is, if one of them looks like a Unix time; else nothing.</summary>
    public static string Hint(string? since, string? until)
    {
        foreach (var text in new[] { since, until })
        {
            if (text is { Length: 10 or 13 } && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            {
                var unix = text.Length == 10 ? DateTimeOffset.FromUnixTimeSeconds(number) : DateTimeOffset.FromUnixTimeMilliseconds(number);
                return $" {text} looks like a Unix time, which is written {unix.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}.";
            }
        }

        return "";
    }

    // A number alone says neither that it is one, nor its unit.
    private static bool MayBeDuration(string text) => text.Length <= MaxDigits || !text.All(char.IsAsciiDigit);
}
