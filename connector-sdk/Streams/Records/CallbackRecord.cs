using System.Text.Json;
using System.Text.Json.Serialization;
using Connectors.Sdk.Invocation;

namespace Connectors.Streams.Records;

/// <summary>
/// An outcome on its way to <c>X-Callback-Url</c>: the message header <see cref="HeaderName"/> of a callback record, beside the call's envelope
/// (without its request headers) and the function's answer as the body.
/// </summary>
public sealed record CallbackRecord
{
    /// <summary>The message header that carries it, as one line of ASCII JSON.</summary>
    public const string HeaderName = "Callback";

    /// <summary>The function's HTTP status.</summary>
    [JsonPropertyName("status")]
    public required int Status { get; init; }

    /// <summary>The function's response headers, in order.</summary>
    [JsonPropertyName("headers")]
    public IReadOnlyList<Header> Headers { get; set; } = [];

    /// <summary>Seconds that the function took.</summary>
    [JsonPropertyName("seconds")]
    public double Seconds { get; init; }

    /// <summary>How often the call could be sent in all.</summary>
    [JsonPropertyName("attempts")]
    public int Attempts { get; set; } = 1;

    /// <summary>When the record was stored first; its age counts from here.</summary>
    [JsonPropertyName("since")]
    public required DateTimeOffset Since { get; init => field = RecordRules.Time(value); }

    /// <summary>Ordinal of the callback's next POST, from 1.</summary>
    [JsonPropertyName("attempt")]
    public int Attempt { get; set; } = 1;

    /// <summary>How often the record was put back from the dead letters.</summary>
    [JsonPropertyName("redrive"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int Redrive { get; init; }

    /// <summary>The earliest time of the next POST.</summary>
    [JsonPropertyName("notBefore")]
    public DateTimeOffset? NotBefore { get; init => field = RecordRules.Time(value); }

    /// <summary>The POSTs before that, oldest first; the oldest of many are left out.</summary>
    [JsonPropertyName("posts")]
    public IReadOnlyList<PastAttempt>? Posts { get; init => field = RecordRules.List(value); }

    /// <summary>Keys of a newer writer.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }

    /// <summary>Writes the header's value.</summary>
    public string Encode() => JsonSerializer.Serialize(this, RecordJson.Default.CallbackRecord);

    /// <summary>Reads a header's value; null if it is none.</summary>
    public static CallbackRecord? TryDecode(string? header) => RecordJson.TryRead(header, RecordJson.Default.CallbackRecord);
}
