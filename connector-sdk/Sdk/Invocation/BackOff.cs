namespace Connectors.Sdk.Invocation;

/// <summary>Growing delays between sends: pure arithmetic, randomness injected.</summary>
public static class BackOff
{
    /// <summary>
    /// Delay before send <paramref name="attempt"/>+1: min(max, min·2^(attempt−1)), then jitter.
    /// <see cref="BackOffKind.Full"/> draws from 0–100 % of it, <see cref="BackOffKind.Equal"/> from 50–100 %.
    /// </summary>
    public static TimeSpan Delay(BackOffKind kind, int attempt, TimeSpan min, TimeSpan max, Random random)
    {
        var ticks = Ticks(attempt, min, max);
        return TimeSpan.FromTicks((long)(kind switch
        {
            BackOffKind.Full => ticks * random.NextDouble(),
            BackOffKind.Equal => (ticks / 2) + (ticks / 2 * random.NextDouble()),
            _ => ticks,
        }));
    }

    /// <summary>The same without jitter.</summary>
    public static TimeSpan Delay(int attempt, TimeSpan min, TimeSpan max) => TimeSpan.FromTicks((long)Ticks(attempt, min, max));

    // 2^62 ticks is 146,000 years: doubling further could only overflow.
    private static double Ticks(int attempt, TimeSpan min, TimeSpan max) => Math.Min(max.Ticks, min.Ticks * Math.Pow(2, Math.Min(attempt - 1, 62)));
}

/// <summary>How delays are spread.</summary>
public enum BackOffKind
{
    /// <summary>No jitter.</summary>
    Exponential,

    /// <summary>Anything up to the delay.</summary>
    Full,

    /// <summary>At least half of the delay.</summary>
    Equal,
}
