using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Microsoft.Net.Http.Headers;

namespace Connectors.Gateway.Enqueueing;

/// <summary>When a caller wants its call to run at the earliest.</summary>
internal static class DueTime
{
    /// <summary>Cancellations are kept for twice as long.</summary>
    public static readonly TimeSpan Max = TimeSpan.FromDays(7);

    /// <summary>Null for at once; a refusal for what is no such time, or too far ahead. A time that has passed counts as now.</summary>
    public static Refusal? Read(HttpRequest request, TimeSpan max, DateTimeOffset now, out DateTimeOffset? due)
    {
        due = null;
        var (delay, notBefore) = (request.Headers[CallHeaders.Delay], request.Headers[CallHeaders.NotBefore]);
        if (delay.Count + notBefore.Count == 0)
        {
            return null;
        }

        if (delay.Count > 0 && notBefore.Count > 0)
        {
            return Refused($"{CallHeaders.Delay} and {CallHeaders.NotBefore}: only one of them is allowed.");
        }

        if (delay.Count > 0)
        {
            if (delay.Count > 1 || !GoDuration.TryParse(delay[0], out var wait, out var allowed, max: max))
            {
                _ = GoDuration.TryParse("", out _, out allowed, max: max);
                return Refused($"{CallHeaders.Delay}: allowed is {allowed}.");
            }

            // One with a key is put aside all the same: the stream that it would have been put aside in is the one that may know the key.
            due = wait > TimeSpan.Zero || request.Headers.ContainsKey(WellKnownHeaders.IdempotencyKey) ? now + wait : null;
            return null;
        }

        if (notBefore.Count > 1 || !TryParse(notBefore[0]!, out var time))
        {
            return Refused($"{CallHeaders.NotBefore}: one time is allowed, as 2026-01-31T08:00:00Z (RFC 3339, with its zone) or Sat, 31 Jan 2026 08:00:00 GMT.");
        }

        if (time - now > max)
        {
            return Refused($"{CallHeaders.NotBefore}: at most {GoDuration.Format(max)} ahead is allowed, which is {(now + max).UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}.");
        }

        due = time > now ? time : now;
        return null;
    }

    private static bool TryParse(string text, out DateTimeOffset time)
    {
        text = text.Trim();
        return Rfc3339.TryParse(text, out time) || (HeaderUtilities.TryParseDate(text, out time) && text.EndsWith("GMT", StringComparison.Ordinal));
    }

    private static Refusal Refused(string text) => new(StatusCodes.Status400BadRequest, text);
}
