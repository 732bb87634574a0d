namespace Connectors.Cron.Schedules;

/// <summary>Which ticks of a schedule are to be fired now. Pure: the caller says what time it is.</summary>
/// <param name="Fire">Those to fire, the oldest first.</param>
/// <param name="Missed">How many were missed and are not fired, as far back as the catch-up window reaches.</param>
/// <param name="Next">The first one that is still ahead; null if there is none.</param>
internal sealed record DueTicks(IReadOnlyList<DateTimeOffset> Fire, int Missed, DateTimeOffset? Next)
{
    // A schedule of every second over a week has 600,000; more than this many at once help nobody.
    private const int MaxCaughtUp = 10_000;

    /// <summary>Sorts the ticks after <paramref name="last"/> up to <paramref name="now"/>.</summary>
    /// <param name="schedule">The schedule.</param>
    /// <param name="last">Up to here all is settled.</param>
    /// <param name="now">What time it is.</param>
    /// <param name="policy">What becomes of those that were missed.</param>
    /// <param name="isFired">Whether a tick after <paramref name="last"/> was fired all the same: it is then neither to be fired nor missed.</param>
    public static DueTicks Find(Schedule schedule, DateTimeOffset last, DateTimeOffset now, TickPolicy policy, Func<DateTimeOffset, bool> isFired)
    {
        var missed = new Queue<DateTimeOffset>();
        var late = new List<DateTimeOffset>();
        var dropped = 0;
        var next = schedule.Next(Latest(last, now - Longer(policy.CatchUpWindow, policy.MisfireThreshold)));
        for (; next <= now; next = schedule.Next(next.Value))
        {
            if (isFired(next.Value))
            {
                continue;
            }

            if (now - next.Value <= policy.MisfireThreshold)
            {
                late.Add(next.Value);
                continue;
            }

            missed.Enqueue(next.Value);
            if (missed.Count > Kept(policy))
            {
                missed.Dequeue();
                dropped++;
            }
        }

        return new DueTicks([.. missed, .. late], dropped, next);
    }

    /// <summary>Whether a tick that was to be fired, and has waited since, still is: what is missed by now is fired no more than if it were found now.</summary>
    /// <param name="schedule">The schedule.</param>
    /// <param name="due">The tick.</param>
    /// <param name="now">What time it is.</param>
    /// <param name="policy">What becomes of ticks that were missed.</param>
    public static bool IsStillToFire(Schedule schedule, DateTimeOffset due, DateTimeOffset now, TickPolicy policy)
    {
        if (now - due <= policy.MisfireThreshold)
        {
            return true;
        }

        return now - due < Longer(policy.CatchUpWindow, policy.MisfireThreshold) && Kept(policy) switch
        {
            0 => false,
            1 => schedule.Next(due) is not { } next || now - next <= policy.MisfireThreshold,
            _ => true,
        };
    }

    private static int Kept(TickPolicy policy) => policy.CatchUpWindow == TimeSpan.Zero ? 0 : policy.CatchUp switch
    {
        CatchUp.All => MaxCaughtUp,
        CatchUp.Last => 1,
        _ => 0,
    };

    private static DateTimeOffset Latest(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;

    private static TimeSpan Longer(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
