using System.Globalization;
using Connectors.Sdk.Invocation;

namespace Connectors.Sdk.Events;

/// <summary>Why an event was given up, as a dead letter of any source tells it, beside where it came from, which each source says in its own words.</summary>
public static class DeadLetterHeaders
{
    // An error may be as long as somebody's stack.
    private const int MaxReason = 1024;

    /// <summary>
    /// <c>X-Dead-Reason</c>, of 1024 characters at most; <c>X-Dead-Status</c>; <c>X-Dead-Attempts</c>; and <c>X-Dead-At</c>, in UTC and to the millisecond, as in
    /// <c>2026-01-02T03:04:05.678Z</c>.
    /// </summary>
    /// <param name="outcome">How the last attempt ended.</param>
    /// <param name="attempts">How many there were.</param>
    /// <param name="at">When the letter is written.</param>
    public static IEnumerable<Header> Of(Outcome outcome, int attempts, DateTimeOffset at)
    {
        yield return new Header("X-Dead-Reason", Reason(outcome));
        yield return new Header("X-Dead-Status", outcome.Status.ToString(CultureInfo.InvariantCulture));
        yield return new Header("X-Dead-Attempts", attempts.ToString(CultureInfo.InvariantCulture));
        yield return new Header("X-Dead-At", at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
    }

    private static string Reason(Outcome outcome)
    {
        var reason = outcome.Kind switch
        {
            OutcomeKind.TimedOut => $"timed out: {outcome.Error}",
            OutcomeKind.Unreachable => $"no whole answer: {outcome.Error}",
            _ => outcome.Error ?? $"answered {outcome.Status}",
        };
        return reason.Length > MaxReason ? reason[..MaxReason] : reason;
    }
}
