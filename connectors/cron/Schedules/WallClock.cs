using System.Collections.Concurrent;
using Cronos;

namespace Connectors.Cron.Schedules;

/// <summary>
/// A zone's clock on the wall, and what it shows next. Cronos is asked for times of day only: of the days on which a clock is moved it gets those of zones
/// wrong whose winter time is the exception (Europe/Dublin, Africa/Casablanca), and may find a tick that has been before, again and again.
/// </summary>
/// <remarks>
/// A time that the clock leaves out comes when it jumps. A time that it shows twice comes the first time only, or both times for an interval:
/// <code>
/// 01:59 → 03:00    30 2 * * *  at 03:00        */30 * * * *  at 01:30, 03:00, 03:30
/// 02:59 → 02:00    30 2 * * *  at 02:30 once   */30 * * * *  at 02:00, 02:30, 02:00, 02:30, 03:00
/// </code>
/// </remarks>
internal sealed class WallClock
{
    // No clock was ever moved twice within this time, nor back by more than a day.
    private static readonly TimeSpan Step = TimeSpan.FromHours(6);
    private static readonly TimeSpan MaxShift = TimeSpan.FromDays(1);

    private static readonly ConcurrentDictionary<string, WallClock> Clocks = new(StringComparer.Ordinal);

    private readonly ConcurrentDictionary<int, Move[]> _moves = [];
    private readonly TimeZoneInfo _zone;
    private readonly bool _isNeverMoved;

    private WallClock(TimeZoneInfo zone) => (_zone, _isNeverMoved) = (zone, zone.GetAdjustmentRules().Length == 0);

    public static WallClock Of(TimeZoneInfo zone) => Clocks.GetOrAdd(zone.Id, _ => new WallClock(zone));

    /// <summary>The first instant after <paramref name="after"/> at which the clock shows a time of the expression; null if there is none.</summary>
    /// <param name="expression">The expression.</param>
    /// <param name="isInterval">Whether it comes each time that the clock shows a time, rather than once a day.</param>
    /// <param name="after">An instant, UTC.</param>
    public DateTime? Next(CronExpression expression, bool isInterval, DateTime after)
    {
        var offset = _zone.GetUtcOffset(after);
        var shown = after + offset;
        var next = expression.GetNextOccurrence(shown);
        if (!isInterval && LastMove(after) is { IsBack: true } back && shown < back.Shown)
        {
            next = expression.GetNextOccurrence(back.Shown, inclusive: true);
        }

        // With each move that comes before it, what is next comes at another instant, or there is something before it.
        for (var year = after.Year; next is not null && year <= (next.Value - offset).Year; year++)
        {
            foreach (var move in Moves(year).Where(m => m.At > after))
            {
                if (next is null || next.Value - offset < move.At)
                {
                    return next - offset;
                }

                if (!move.IsBack && next < move.At + move.Offset)
                {
                    return move.At;
                }

                offset = move.Offset;
                if (isInterval && move.IsBack)
                {
                    next = expression.GetNextOccurrence(move.At + offset, inclusive: true);
                }
            }
        }

        return next - offset;
    }

    private Move? LastMove(DateTime at) => Moves(at.Year - 1).Concat(Moves(at.Year)).Where(m => m.At <= at && m.At > at - MaxShift).Cast<Move?>().LastOrDefault();

    private Move[] Moves(int year) => _isNeverMoved ? [] : _moves.GetOrAdd(year, Find);

    private Move[] Find(int year)
    {
        var moves = new List<Move>();
        var end = new DateTime(year + 1, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        for (var at = new DateTime(year, 1, 1, 0, 0, 0, DateTimeKind.Utc); at < end; at += Step)
        {
            var (before, after) = (_zone.GetUtcOffset(at), _zone.GetUtcOffset(at + Step));
            if (before != after)
            {
                moves.Add(new Move(FirstSecond(at, after), before, after));
            }
        }

        return [.. moves];
    }

    // The first second of a step from which on the zone has that offset.
    private DateTime FirstSecond(DateTime start, TimeSpan offset)
    {
        var (low, high) = (0, (int)Step.TotalSeconds);
        while (high - low > 1)
        {
            var middle = (low + high) / 2;
            (low, high) = _zone.GetUtcOffset(start.AddSeconds(middle)) == offset ? (low, middle) : (middle, high);
        }

        return start.AddSeconds(high);
    }

    /// <summary>One move of the clock.</summary>
    /// <param name="At">When, UTC.</param>
    /// <param name="Before">What the clock was ahead of UTC before it.</param>
    /// <param name="Offset">What it is ahead from then on.</param>
    private readonly record struct Move(DateTime At, TimeSpan Before, TimeSpan Offset)
    {
        public bool IsBack => Offset < Before;

        /// <summary>What the clock would have shown had it not been moved.</summary>
        public DateTime Shown => At + Before;
    }
}
