using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Callbacks;

/// <summary>What follows from the answer to a callback. Pure.</summary>
internal sealed record CallbackPolicy(TimeSpan MaxAge, TimeSpan InitialWait, TimeSpan MaxWait, Random Random)
{
    /// <summary>The longest that a record is put off in one piece.</summary>
    public static readonly TimeSpan MaxPutOff = TimeSpan.FromMinutes(1);

    // Of one receiver, in a minute or two; of more each comes again later.
    private const int Crowd = 1_000;

    // By how much the clocks of two workers may differ without one of them being wrong.
    private static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(1);

    // By then a receiver of which nothing was known has answered, or is slow.
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(1);

    public CallbackVerdict Decide(CallbackAnswer answer, CallbackRecord record, DateTimeOffset now)
    {
        if (answer.Status is >= 200 and < 300)
        {
            return new CallbackVerdict(CallbackEnd.Delivered);
        }

        if (answer.IsRefused || !IsTemporary(answer.Status))
        {
            return new CallbackVerdict(CallbackEnd.Refused);
        }

        // A receiver that always asks for a second would have a POST and a new copy of the record every few seconds, for as long as a callback may grow old.
        var least = BackOff.Delay(BackOffKind.Exponential, record.Attempt, InitialWait, MaxWait, Random);
        var wait = answer.RetryAfter is { } asked && asked > least ? TimeSpan.FromTicks(Math.Min(asked.Ticks, MaxDelay.Ticks)) : least;
        return IsTooOld(record, now + wait) ? new CallbackVerdict(CallbackEnd.Expired) : new CallbackVerdict(CallbackEnd.Retry, wait);
    }

    /// <summary>How long a record is still to wait; null for no longer.</summary>
    /// <param name="record">The record.</param>
    /// <param name="count">Its deliveries, this one included.</param>
    /// <param name="now">The time.</param>
    public TimeSpan? Wait(CallbackRecord record, int count, DateTimeOffset now) => (record.NotBefore - now) switch
    {
        null => null,
        { } wait when wait <= TimeSpan.Zero => null,

        // No two clocks that are right can say so: this one, or that of the worker that set the time, is wrong. One nak stands for the wait, by the server's timer.
        { } wait when wait > MaxDelay + ClockSkew => count > 1 ? null : MaxDelay,
        var wait => wait,
    };

    /// <summary>For how long a record is put off whose receiver may hold no more slots: no longer than until it is too old.</summary>
    /// <param name="record">The record.</param>
    /// <param name="count">Its deliveries, this one included. What is delivered again comes before what is new: after waits that do not grow, it would for ever.</param>
    /// <param name="isSlow">Whether the receiver is slow, or nothing is known of it.</param>
    /// <param name="refused">How often it was refused lately.</param>
    /// <param name="now">The time.</param>
    public TimeSpan PutOff(CallbackRecord record, int count, bool isSlow, int refused, DateTimeOffset now)
    {
        // Thousands that come again each minute would cost the server more than all the others.
        var most = MaxPutOff * Math.Max(1, refused / Crowd);
        var wait = isSlow
            ? BackOff.Delay(BackOffKind.Equal, count, InitialWait, MaxWait < most ? MaxWait : most, Random)
            : Soon * (1 + Random.NextDouble());
        var left = MaxAge - (now - record.Since);
        return wait < left ? wait : left;
    }

    private TimeSpan MaxDelay => MaxWait > InitialWait ? MaxWait : InitialWait;

    public bool IsTooOld(CallbackRecord record, DateTimeOffset now) => now - record.Since >= MaxAge;

    // 0 means that no answer came. 508 is what a gateway says to functions that call each other back: the same callback would meet it again.
    private static bool IsTemporary(int status) => status is 0 or 408 or 425 or 429 or (>= 500 and <= 599 and not 508);
}

/// <summary>What came back from a receiver.</summary>
/// <param name="Status">The HTTP status; 0 if none came.</param>
/// <param name="Error">What went wrong on the way, in words.</param>
/// <param name="IsRefused">Whether our own address rules refused it.</param>
/// <param name="RetryAfter">How long the receiver asked us to wait.</param>
internal readonly record struct CallbackAnswer(int Status, string? Error = null, bool IsRefused = false, TimeSpan? RetryAfter = null);

/// <summary>What we do because of a <see cref="CallbackAnswer"/>.</summary>
internal readonly record struct CallbackVerdict(CallbackEnd End, TimeSpan After = default)
{
    /// <summary>The biography's reason of a callback that is given up.</summary>
    public string Reason => End == CallbackEnd.Expired ? DeadReasons.CallbackExpired : DeadReasons.CallbackRefused;
}

/// <summary>The kinds of <see cref="CallbackVerdict"/>.</summary>
internal enum CallbackEnd
{
    Delivered,
    Retry,
    Refused,
    Expired,
}
