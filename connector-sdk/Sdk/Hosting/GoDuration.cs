using System.Globalization;
using System.Text;

namespace Connectors.Sdk.Hosting;

/// <summary>Durations as the OpenFaaS charts write them: Go text (<c>1m30s</c>, <c>500ms</c>) or a bare integer meaning seconds.</summary>
public static class GoDuration
{
    /// <summary>
    /// The longest duration that anything waits for. Timers of .NET take 49.7 days at most; this bound leaves room for what is added to a duration
    /// (a grace period's last seconds, jitter).
    /// </summary>
    public static readonly TimeSpan Max = TimeSpan.FromDays(45);

    private static readonly (string Unit, double Ticks)[] Units =
    [
        ("ns", 0.01), ("us", TimeSpan.TicksPerMicrosecond), ("µs", TimeSpan.TicksPerMicrosecond), ("ms", TimeSpan.TicksPerMillisecond),
        ("s", TimeSpan.TicksPerSecond), ("m", TimeSpan.TicksPerMinute), ("h", TimeSpan.TicksPerHour),
    ];

    /// <summary>Reads a duration that something is to wait for: an option, an annotation, a header.</summary>
    /// <param name="text">What was given.</param>
    /// <param name="duration">The duration; zero if it is refused.</param>
    /// <param name="allowed">What is allowed, bounds included, to complete a sentence such as "retry.max_wait: allowed is …".</param>
    /// <param name="min">The shortest that is allowed, zero unless given.</param>
    /// <param name="max">The longest that is allowed, never beyond <see cref="Max"/>.</param>
    public static bool TryParse(string? text, out TimeSpan duration, out string allowed, TimeSpan? min = null, TimeSpan? max = null)
    {
        var from = min ?? TimeSpan.Zero;
        var to = max is { } asked && asked < Max ? asked : Max;
        allowed = $"a duration such as 10s, 1m30s or 30 (seconds), from {Format(from)} to {Format(to)}";
        var isAllowed = TryParse(text, out duration) && duration >= from && duration <= to;
        duration = isAllowed ? duration : TimeSpan.Zero;
        return isAllowed;
    }

    /// <summary>
    /// Reads any duration up to <see cref="TimeSpan.MaxValue"/>, for reckoning with a calendar. What something is to wait for is read by the overload with
    /// bounds. Negative ones are refused.
    /// </summary>
    public static bool TryParse(string? text, out TimeSpan duration)
    {
        duration = default;
        var rest = text.AsSpan().Trim();
        if (long.TryParse(rest, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
        {
            return TryFromTicks((double)seconds * TimeSpan.TicksPerSecond, out duration);
        }

        var ticks = 0.0;
        var parts = 0;
        while (!rest.IsEmpty)
        {
            if (!TryReadPart(ref rest, out var part))
            {
                return false;
            }

            ticks += part;
            parts++;
        }

        return parts > 0 && TryFromTicks(ticks, out duration);
    }

    /// <summary>Writes the shortest Go text for a duration, for example <c>1m30s</c>; zero is <c>0s</c>.</summary>
    public static string Format(TimeSpan duration)
    {
        if (duration < TimeSpan.FromSeconds(1))
        {
            return duration == TimeSpan.Zero ? "0s" : Number(duration.TotalMilliseconds) + "ms";
        }

        var text = new StringBuilder();
        if (duration.TotalHours >= 1)
        {
            text.Append((long)duration.TotalHours).Append('h');
        }

        if (duration.Minutes > 0)
        {
            text.Append(duration.Minutes).Append('m');
        }

        var seconds = duration.Ticks % TimeSpan.TicksPerMinute / (double)TimeSpan.TicksPerSecond;
        return seconds > 0 ? text.Append(Number(seconds)).Append('s').ToString() : text.ToString();
    }

    private static bool TryReadPart(ref ReadOnlySpan<char> rest, out double ticks)
    {
        ticks = 0;
        var digits = rest.IndexOfAnyExcept("0123456789.");
        if (digits <= 0 || !double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
        {
            return false;
        }

        rest = rest[digits..];
        var letters = rest.IndexOfAny("0123456789.");
        var name = letters < 0 ? rest : rest[..letters];
        foreach (var (unit, size) in Units)
        {
            if (name.SequenceEqual(unit))
            {
                ticks = number * size;
                rest = rest[name.Length..];
                return true;
            }
        }

        return false;
    }

    private static bool TryFromTicks(double ticks, out TimeSpan duration)
    {
        var fits = ticks < TimeSpan.MaxValue.Ticks;
        duration = fits ? TimeSpan.FromTicks((long)Math.Round(ticks)) : default;
        return fits;
    }

    private static string Number(double value) => value.ToString("0.#######", CultureInfo.InvariantCulture);
}
