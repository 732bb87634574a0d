using System.Text.Json.Serialization;

namespace Connectors.Streams.Records;

/// <summary>A send of a call, or a POST of its callback, that is over. Retry copies carry those before them.</summary>
public sealed record PastAttempt
{
    /// <summary>What all of a call's past attempts may take in its envelope, in bytes: with the envelope's own bound, a body at its limit, and what is added to a dead letter, they fit one message.</summary>
    public const int MaxBytes = 4 * 1024;

    private const int MaxErrorLength = 120;

    // Its keys, a time, a status, seconds. A character of an error may take six bytes, as \uXXXX.
    private const int BytesWithoutError = 110;
    private const int BytesOfChar = 6;

    /// <summary>When it was sent.</summary>
    [JsonPropertyName("at")]
    public required DateTimeOffset At { get; init => field = RecordRules.Time(value); }

    /// <summary>The HTTP status that it ended with; a gateway's where no function answered, 0 where nothing came.</summary>
    [JsonPropertyName("status")]
    public int Status { get; init; }

    /// <summary>Seconds that it took.</summary>
    [JsonPropertyName("seconds")]
    public double Seconds { get; init; }

    /// <summary>What went wrong, in words; at most 120 characters.</summary>
    [JsonPropertyName("error")]
    public string? Error
    {
        get;
        init => field = value is { Length: > MaxErrorLength } ? value[..MaxErrorLength] + "…" : value;
    }

    /// <summary>The attempts with one more; the oldest are left out where all would take more than <see cref="MaxBytes"/>.</summary>
    public static IReadOnlyList<PastAttempt> Add(IReadOnlyList<PastAttempt>? past, PastAttempt last)
    {
        var all = new List<PastAttempt>(past ?? []) { last };
        var bytes = all.Sum(BytesOf);
        var first = 0;
        for (; bytes > MaxBytes && first < all.Count - 1; first++)
        {
            bytes -= BytesOf(all[first]);
        }

        return first == 0 ? all : all[first..];
    }

    private static int BytesOf(PastAttempt attempt) =>
        BytesWithoutError + (attempt.Error?.Sum(c => c is >= ' ' and <= '~' and not ('"' or '\\' or '\'' or '<' or '>' or '&' or '+' or '`') ? 1 : BytesOfChar) ?? 0);
}
