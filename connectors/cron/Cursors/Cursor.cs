using System.Collections.Immutable;
using System.Globalization;

namespace Connectors.Cron.Cursors;

/// <summary>
/// How far the replicas have come with a schedule, as they share it: the last due instant that one of them claimed, and the claims still open. As text,
/// the last instant, then each open claim: <c>2026-01-02T03:04:05Z 2026-01-02T03:04:05Z@replica#beat</c>.
/// </summary>
/// <param name="Last">All due instants up to this one are claimed, or were dropped.</param>
/// <param name="Open">Claims whose call has not come to its end.</param>
internal sealed record Cursor(DateTimeOffset Last, ImmutableArray<Claim> Open)
{
    private const string Format = "yyyy-MM-dd'T'HH:mm:ss'Z'";

    public Cursor(DateTimeOffset last)
        : this(last, [])
    {
    }

    public DateTimeOffset Last { get; init; } = new(Last.UtcTicks - (Last.UtcTicks % TimeSpan.TicksPerSecond), TimeSpan.Zero);

    /// <summary>Reads what <see cref="ToString"/> wrote, or a plain instant that an operator wrote; null if it is neither.</summary>
    public static Cursor? TryParse(string text)
    {
        var parts = text.Split(' ', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var claims = parts.Skip(1).Select(Claim.TryParse).ToList();
        return parts.Length > 0 && TryParseInstant(parts[0], out var last) && claims.All(c => c is not null) ? new Cursor(last, [.. claims.OfType<Claim>()]) : null;
    }

    /// <summary>An instant as cursors and ids have it: whole seconds, UTC.</summary>
    public static string Text(DateTimeOffset instant) => instant.UtcDateTime.ToString(Format, CultureInfo.InvariantCulture);

    public static bool TryParseInstant(string text, out DateTimeOffset instant) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out instant);

    /// <summary>The cursor with a claim opened, all instants up to its own being spoken for.</summary>
    public Cursor With(Claim claim) =>
        new(claim.Due > Last ? claim.Due : Last, Without(claim.Due).Open.Add(claim));

    /// <summary>The cursor without the claim of an instant.</summary>
    public Cursor Without(DateTimeOffset due) => this with { Open = Open.RemoveAll(c => c.Due == due) };

    /// <summary>The open claim of an instant; null if there is none.</summary>
    public Claim? ClaimOf(DateTimeOffset due) => Open.FirstOrDefault(c => c.Due == due);

    public override string ToString() => string.Join(' ', Open.Select(c => c.ToString()).Prepend(Text(Last)));

    public bool Equals(Cursor? other) => other is not null && ToString() == other.ToString();

    public override int GetHashCode() => Last.GetHashCode();
}

/// <summary>A due instant that a replica is firing. It is a lease: the replica raises the beat while it is at it.</summary>
internal sealed record Claim(DateTimeOffset Due, string Replica, int Beat)
{
    /// <summary>Stands for the replica of a claim that was handed back.</summary>
    public const string Nobody = "-";

    public static Claim? TryParse(string text) =>
        text.Split('@', '#') is [var due, var replica, var beat] && Cursor.TryParseInstant(due, out var instant) && int.TryParse(beat, NumberStyles.None, null, out var number)
            ? new Claim(instant, replica, number)
            : null;

    public override string ToString() => $"{Cursor.Text(Due)}@{Replica}#{Beat.ToString(CultureInfo.InvariantCulture)}";
}
