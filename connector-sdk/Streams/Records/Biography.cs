using System.Text.Json;
using System.Text.Json.Serialization;

namespace Connectors.Streams.Records;

/// <summary>
/// How a dead letter came to its end: its message header <see cref="HeaderName"/>, beside the envelope as it was last sent and the raw body.
/// Written by the worker, shown and redriven by the gateway.
/// </summary>
public sealed record Biography
{
    /// <summary>The message header that carries it, as one line of ASCII JSON.</summary>
    public const string HeaderName = "Biography";

    /// <summary>One of <see cref="DeadReasons"/>.</summary>
    [JsonPropertyName("reason")]
    public required string Reason { get; init; }

    /// <summary>The last HTTP status; null if it was never sent.</summary>
    [JsonPropertyName("status")]
    public int? Status { get; init; }

    /// <summary>How often it was sent since it was accepted or redriven.</summary>
    [JsonPropertyName("attempts")]
    public int Attempts { get; init; }

    /// <summary>When it was first sent, or accepted if it never was.</summary>
    [JsonPropertyName("firstAt")]
    public DateTimeOffset FirstAt { get; init; }

    /// <summary>When it ended.</summary>
    [JsonPropertyName("lastAt")]
    public DateTimeOffset LastAt { get; init; }

    /// <summary>What went wrong, in words.</summary>
    [JsonPropertyName("error")]
    public string? Error { get; init; }

    /// <summary>Whether body or headers were too large for a message beside this, and are gone: what is left cannot be run.</summary>
    [JsonPropertyName("incomplete"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool IsIncomplete { get; init; }

    /// <summary>Keys of a newer writer.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }

    /// <summary>Writes the header's value.</summary>
    public string Encode() => JsonSerializer.Serialize(this, RecordJson.Default.Biography);

    /// <summary>Reads a header's value; null if it is none.</summary>
    public static Biography? TryDecode(string? header) => RecordJson.TryRead(header, RecordJson.Default.Biography);
}

/// <summary>Why a call or a callback ended in the dead letters.</summary>
public static class DeadReasons
{
    /// <summary>It could have been retried, but no attempt was left.</summary>
    public const string Exhausted = "exhausted";

    /// <summary>The function's answer would not change by sending it again.</summary>
    public const string Failed = "failed";

    /// <summary>Its deadline or its greatest age passed.</summary>
    public const string Expired = "expired";

    /// <summary>Its caller cancelled it.</summary>
    public const string Cancelled = "cancelled";

    /// <summary>It was delivered too often without a verdict: the workers that ran it died.</summary>
    public const string WorkerLost = "worker_lost";

    /// <summary>It is no envelope, or stands on another function's subject.</summary>
    public const string Foreign = "foreign";

    /// <summary>The receiver of a callback refused it for good.</summary>
    public const string CallbackRefused = "callback_refused";

    /// <summary>The receiver of a callback could not be reached for too long.</summary>
    public const string CallbackExpired = "callback_expired";

    /// <summary>Every one of them.</summary>
    public static IReadOnlyList<string> All { get; } = [Exhausted, Failed, Expired, Cancelled, WorkerLost, Foreign, CallbackRefused, CallbackExpired];
}
