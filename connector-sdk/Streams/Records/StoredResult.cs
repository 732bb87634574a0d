using System.Text.Json;
using System.Text.Json.Serialization;
using Connectors.Sdk.Invocation;

namespace Connectors.Streams.Records;

/// <summary>
/// What became of a call whose caller asked to keep its result (<c>X-Store-Result</c>): a value of the bucket <c>OF_results</c>, one line of ASCII JSON,
/// a line feed, then the function's raw body. Written as <c>queued</c> by the gateway, overwritten by the worker.
/// </summary>
public sealed record StoredResult
{
    /// <summary>State of a call that has not ended.</summary>
    public const string Queued = "queued";

    /// <summary>State of a call whose function answered below 400.</summary>
    public const string Succeeded = "succeeded";

    /// <summary>State of a call that waited when its queue was purged. One that ran then comes to its end, which is written over it.</summary>
    public const string Purged = "purged";

    /// <summary><see cref="Queued"/>, <see cref="Succeeded"/>, <see cref="Purged"/>, or how it ended: one of <see cref="DeadReasons"/>.</summary>
    [JsonPropertyName("state")]
    public required string State { get; init; }

    /// <summary>The function, as <c>name.namespace</c>.</summary>
    [JsonPropertyName("function")]
    public string Function { get; set; } = "";

    /// <summary>The queue of a call that has not ended; null from a writer that does not say.</summary>
    [JsonPropertyName("queue")]
    public string? Queue { get; init; }

    /// <summary>The function's HTTP status; 0 if it did not answer.</summary>
    [JsonPropertyName("status")]
    public int Status { get; init; }

    /// <summary>The function's response headers, in order.</summary>
    [JsonPropertyName("headers")]
    public IReadOnlyList<Header> Headers { get; set; } = [];

    /// <summary>Seconds that the function took.</summary>
    [JsonPropertyName("seconds")]
    public double Seconds { get; init; }

    /// <summary>Whether the body was too large to be kept.</summary>
    [JsonPropertyName("dropped")]
    public bool IsDropped { get; init; }

    /// <summary>When the result is gone, whatever the bucket still holds, by the clock of whoever wrote it.</summary>
    [JsonPropertyName("expires")]
    public required DateTimeOffset Expires { get; init; }

    /// <summary>For how long it is kept, counted from when the bucket has it; null from a writer that does not say.</summary>
    [JsonPropertyName("kept"), JsonConverter(typeof(GoDurationJson))]
    public TimeSpan? Kept { get; init; }

    /// <summary>Writes the bucket's value.</summary>
    public byte[] Encode(ReadOnlySpan<byte> body)
    {
        var line = JsonSerializer.SerializeToUtf8Bytes(this, RecordJson.Default.StoredResult);
        return [.. line, (byte)'\n', .. body];
    }

    /// <summary>Reads a value; null if it is none of ours.</summary>
    public static StoredResult? TryDecode(ReadOnlyMemory<byte> value, out ReadOnlyMemory<byte> body)
    {
        body = default;
        var end = value.Span.IndexOf((byte)'\n');
        if (end < 0)
        {
            return null;
        }

        body = value[(end + 1)..];
        return RecordJson.TryRead(System.Text.Encoding.UTF8.GetString(value.Span[..end]), RecordJson.Default.StoredResult);
    }
}
