using System.Collections.Immutable;
using System.Globalization;

namespace Connectors.Cron.Cursors;

/// <summary>
/// How far the replicas have come with a schedule, as they share it. As text, the last instant and then, each only where there is something to say, since
/// when ticks were fired without a gap, spans that were fired ahead of their time, that the function is gone, and the open claims:
/// <c>2026-01-02T03:04:05Z since=2026-01-02T03:00:00Z ahead=2026-01-02T04:00:00Z/2026-01-02T04:00:09Z removed 2026-01-02T03:04:05Z@replica#renewals</c>.
/// </summary>
/// <remarks>
/// <see cref="Since"/> is there for the day on which a replica's clock is wrong. Say that it is an hour ahead from 11:00 to 11:05, with a schedule of
/// each minute: fired are 12:00 to 12:05, and none of them may be fired again when it is noon.
/// <code>
/// 11:00  12:00 since=11:59:59         the rest of the hour was dropped as missed: the run of fired ticks begins after it
/// 11:05  12:05 since=11:59:59         all up to 12:05 were fired
/// 11:06  11:06 ahead=11:59:59/12:05   taken back by a replica whose clock is right
/// 12:00  12:00 ahead=11:59:59/12:05   passed over until 12:05, fired from 12:06
/// </code>
/// </remarks>
/// <param name="Last">All due instants up to this one are claimed, or were dropped.</param>
/// <param name="Open">Claims whose call has not come to its end.</param>
internal sealed record Cursor(DateTimeOffset Last, ImmutableArray<Claim> Open)
{
    private const string Format = "yyyy-MM-dd'T'HH:mm:ss'Z'";
    private const string SinceWord = "since=";
    private const string AheadWord = "ahead=";
    private const string RemovedWord = "removed";

    public Cursor(DateTimeOffset last)
        : this(last, [])
    {
    }

    public DateTimeOffset Last { get; init; } = Whole(Last);

    /// <summary>Every tick after this one, up to <see cref="Last"/>, was fired: none of them was dropped.</summary>
    public DateTimeOffset Since { get; init; } = Whole(Last);

    /// <summary>Spans beyond <see cref="Last"/> whose ticks were fired already.</summary>
    public ImmutableArray<FiredSpan> Ahead { get; init; } = [];

    /// <summary>Whether the function, or this schedule of it, is gone: what is due until it returns counts for nothing.</summary>
    public bool IsRemoved { get; init; }

    /// <summary>Reads what <see cref="ToString"/> wrote, or a plain instant that an operator wrote; null if it is neither.</summary>
    public static Cursor? TryParse(string text)
    {
        var parts = text.Split(' ', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length == 0 || !TryParseInstant(parts[0], out var last))
        {
            return null;
        }

        var cursor = new Cursor(last);
        foreach (var part in parts.AsSpan(1))
        {
            if (part == RemovedWord)
            {
                cursor = cursor with { IsRemoved = true };
            }
            else if (part.StartsWith(SinceWord, StringComparison.Ordinal) && TryParseInstant(part[SinceWord.Length..], out var since) && since <= cursor.Last)
            {
                cursor = cursor with { Since = since };
            }
            else if (part.StartsWith(AheadWord, StringComparison.Ordinal) && FiredSpan.TryParse(part[AheadWord.Length..]) is { } span)
            {
                cursor = cursor with { Ahead = cursor.Ahead.Add(span) };
            }
            else if (Claim.TryParse(part) is { } claim)
            {
                cursor = cursor with { Open = cursor.Open.Add(claim) };
            }
            else
            {
                return null;
            }
        }

        return cursor;
    }

    /// <summary>An instant as cursors and ids have it: whole seconds, UTC.</summary>
    public static string Text(DateTimeOffset instant) => instant.UtcDateTime.ToString(Format, CultureInfo.InvariantCulture);

    public static bool TryParseInstant(string text, out DateTimeOffset instant) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out instant);

    /// <summary>Whether a tick beyond <see cref="Last"/> was fired already.</summary>
    public bool IsFiredAhead(DateTimeOffset due) => Ahead.Any(span => span.Contains(due));

    /// <summary>The cursor with a claim opened, all instants up to its own being spoken for.</summary>
    /// <param name="claim">The claim.</param>
    /// <param name="since">Every tick after this one, up to that of the claim, was fired.</param>
    public Cursor With(Claim claim, DateTimeOffset since) => Dropped(claim.Due) with { Since = since, Open = Without(claim.Due).Open.Add(claim) };

    /// <summary>The cursor past an instant, whose ticks up to it that were not claimed count for nothing. It never moves back.</summary>
    public Cursor Dropped(DateTimeOffset to)
    {
        var last = Whole(to);
        return last > Last ? this with { Last = last, Since = last, Ahead = Ahead.RemoveAll(span => span.To <= last), IsRemoved = false } : this with { IsRemoved = false };
    }

    /// <summary>The cursor moved back to an instant; it remembers which of the ticks ahead of it were fired.</summary>
    public Cursor TakenBack(DateTimeOffset to)
    {
        var last = Whole(to);
        var fired = new FiredSpan(Since > last ? Since : last, Last);
        return this with { Last = last, Since = last, Ahead = fired.From < fired.To ? FiredSpan.Merge(Ahead.Add(fired)) : Ahead };
    }

    /// <summary>The cursor with an open claim as it is now.</summary>
    public Cursor Changed(Claim claim) => this with { Open = Without(claim.Due).Open.Add(claim) };

    /// <summary>The cursor without the claim of an instant.</summary>
    public Cursor Without(DateTimeOffset due) => this with { Open = Open.RemoveAll(c => c.Due == due) };

    /// <summary>
    /// Whether this one tells of a later time than another one of its schedule: it has come further, or as far, where a function that is gone was there before,
    /// and a claim that is no longer open was open before.
    /// </summary>
    public bool IsLaterThan(Cursor other) => (Last, IsRemoved, -Open.Length).CompareTo((other.Last, other.IsRemoved, -other.Open.Length)) > 0;

    /// <summary>The open claim of an instant; null if there is none.</summary>
    public Claim? ClaimOf(DateTimeOffset due) => Open.FirstOrDefault(c => c.Due == due);

    public override string ToString()
    {
        var parts = new List<string> { Text(Last) };
        if (Since != Last)
        {
            parts.Add(SinceWord + Text(Since));
        }

        parts.AddRange(Ahead.Select(span => AheadWord + span));
        if (IsRemoved)
        {
            parts.Add(RemovedWord);
        }

        return string.Join(' ', parts.Concat(Open.Select(claim => claim.ToString())));
    }

    public bool Equals(Cursor? other) => other is not null && ToString() == other.ToString();

    public override int GetHashCode() => Last.GetHashCode();

    private static DateTimeOffset Whole(DateTimeOffset instant) => new(instant.UtcTicks - (instant.UtcTicks % TimeSpan.TicksPerSecond), TimeSpan.Zero);
}

/// <summary>A due instant that a replica is firing. It is a lease: the replica renews it while it is at it.</summary>
internal sealed record Claim(DateTimeOffset Due, string Replica, int Renewals)
{
    /// <summary>Stands for the replica of a claim that was handed back.</summary>
    public const string Nobody = "-";

    public static Claim? TryParse(string text) =>
        text.Split('@', '#') is [var due, var replica, var renewals] && Cursor.TryParseInstant(due, out var instant) && int.TryParse(renewals, NumberStyles.None, null, out var number)
            ? new Claim(instant, replica, number)
            : null;

    public override string ToString() => $"{Cursor.Text(Due)}@{Replica}#{Renewals.ToString(CultureInfo.InvariantCulture)}";
}

/// <summary>A span of time all of whose ticks were fired: those after <paramref name="From"/>, up to <paramref name="To"/>.</summary>
internal readonly record struct FiredSpan(DateTimeOffset From, DateTimeOffset To)
{
    public static FiredSpan? TryParse(string text) =>
        text.Split('/') is [var from, var to] && Cursor.TryParseInstant(from, out var start) && Cursor.TryParseInstant(to, out var end) ? new FiredSpan(start, end) : null;

    /// <summary>The same spans in order, those joined that touch.</summary>
    public static ImmutableArray<FiredSpan> Merge(IEnumerable<FiredSpan> spans)
    {
        var merged = new List<FiredSpan>();
        foreach (var span in spans.OrderBy(s => s.From))
        {
            if (merged.Count > 0 && span.From <= merged[^1].To)
            {
                merged[^1] = merged[^1] with { To = span.To > merged[^1].To ? span.To : merged[^1].To };
            }
            else
            {
                merged.Add(span);
            }
        }

        return [.. merged];
    }

    public bool Contains(DateTimeOffset due) => due > From && due <= To;

    public override string ToString() => $"{Cursor.Text(From)}/{Cursor.Text(To)}";
}
