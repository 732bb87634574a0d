using System.Globalization;
using Connectors.Provider.Contracts;
using Microsoft.Extensions.Primitives;

namespace Connectors.Provider.Logs;

/// <summary>Which lines of a log are wanted.</summary>
/// <param name="Instance">Only those of one process; null for all.</param>
/// <param name="Since">Only younger ones; null for all.</param>
/// <param name="Tail">So many of the kept ones at most; null for all.</param>
/// <param name="Follow">Whether to wait for more.</param>
internal sealed record LogQuery(string? Instance, DateTimeOffset? Since, int? Tail, bool Follow)
{
    /// <summary>Reads a query string; null if a value is not what it should be, and <paramref name="fault"/> says which.</summary>
    public static LogQuery? Read(IQueryCollection query, out string fault)
    {
        fault = "";
        DateTimeOffset? since = null;
        if (Last(query["since"]) is { Length: > 0 } from)
        {
            if (!DateTimeOffset.TryParse(from, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var instant))
            {
                fault = "since: not an RFC 3339 time";
            }

            since = instant;
        }

        int? tail = null;
        if (Last(query["tail"]) is { Length: > 0 } most)
        {
            if (!int.TryParse(most, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var lines))
            {
                fault = "tail: not a whole number";
            }

            tail = lines > 0 ? lines : null;
        }

        var follow = false;
        if (Last(query["follow"]) is { Length: > 0 } wish && !TryRead(wish, out follow))
        {
            fault = "follow: not true or false";
        }

        return fault.Length > 0 ? null : new LogQuery(Last(query["instance"]) is { Length: > 0 } one ? one : null, since, tail, follow);
    }

    public bool Wants(LogMessage message) => (Instance is null || message.Instance == Instance) && (Since is null || message.Timestamp >= Since);

    public IAsyncEnumerable<LogMessage> Select(IAsyncEnumerable<LogMessage> kept) => Tail is { } tail ? kept.Where(Wants).TakeLast(tail) : kept.Where(Wants);

    // The last value given wins.
    private static string? Last(StringValues values) => values.Count > 0 ? values[^1] : null;

    private static bool TryRead(string text, out bool value)
    {
        value = text.ToLowerInvariant() is "true" or "1" or "t";
        return value || text.ToLowerInvariant() is "false" or "0" or "f";
    }
}
