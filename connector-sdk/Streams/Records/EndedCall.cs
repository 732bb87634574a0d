using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization;
using Connectors.Sdk.Invocation;

namespace Connectors.Streams.Records;

/// <summary>
/// A call that ended, or a callback of one, as the history keeps it: one line of JSON. A message of the history holds the lines of many. Written by the
/// worker, read by the gateway. There is no body in it, and no header.
/// </summary>
public sealed record EndedCall
{
    /// <summary>The caller's trace id; several calls may share it.</summary>
    [JsonPropertyName("callId")]
    public required string CallId { get; init; }

    /// <summary>The gateway's own id of the accept.</summary>
    [JsonPropertyName("deliveryId")]
    public required string DeliveryId { get; init; }

    /// <summary>The function's name, without namespace.</summary>
    [JsonPropertyName("fn")]
    public required string Function { get; init; }

    /// <summary>The function's namespace.</summary>
    [JsonPropertyName("ns")]
    public required string Namespace { get; init; }

    /// <summary>One of <see cref="EndStates"/>.</summary>
    [JsonPropertyName("state")]
    public required string State { get; init; }

    /// <summary>When it ended.</summary>
    [JsonPropertyName("ended")]
    public required DateTimeOffset Ended { get; init => field = RecordRules.Time(value); }

    /// <summary>When it was accepted or put back; null for a callback.</summary>
    [JsonPropertyName("submitted")]
    public DateTimeOffset? Submitted { get; init => field = RecordRules.Time(value); }

    /// <summary>How often the call was put back from the dead letters.</summary>
    [JsonPropertyName("redrive"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int Redrive { get; init; }

    /// <summary>Why it did not succeed: one of <see cref="DeadReasons"/>.</summary>
    [JsonPropertyName("reason")]
    public string? Reason { get; init; }

    /// <summary>What went wrong, in words.</summary>
    [JsonPropertyName("error")]
    public string? Error { get; init; }

    /// <summary>The last HTTP status; null if it was never sent.</summary>
    [JsonPropertyName("status")]
    public int? Status { get; init; }

    /// <summary>How often it was sent, also where not each is among <see cref="Sends"/>.</summary>
    [JsonPropertyName("attempts"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int Attempts { get; init; }

    /// <summary>Its sends, oldest first; the oldest of many are left out.</summary>
    [JsonPropertyName("sends")]
    public IReadOnlyList<PastAttempt>? Sends { get; init => field = RecordRules.List(value); }

    /// <summary>Length of the request's body in bytes.</summary>
    [JsonPropertyName("size"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long Size { get; init; }

    /// <summary>Length of the last answer's body in bytes.</summary>
    [JsonPropertyName("resultSize"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long ResultSize { get; init; }

    /// <summary>What the caller tagged it with.</summary>
    [JsonPropertyName("tags")]
    public IReadOnlyList<string>? Tags { get; init => field = RecordRules.List(value); }

    /// <summary>The accept's <c>traceparent</c>.</summary>
    [JsonPropertyName("trace")]
    public string? Trace { get; init; }

    /// <summary>What became of its callback; null without one.</summary>
    [JsonPropertyName("callback")]
    public EndedCallback? Callback { get; init; }

    /// <summary>Name and namespace together.</summary>
    [JsonIgnore]
    public FunctionName FunctionName => new(Function, Namespace);

    /// <summary>Writes the line, without its end.</summary>
    public void WriteTo(IBufferWriter<byte> buffer)
    {
        using var writer = new Utf8JsonWriter(buffer);
        JsonSerializer.Serialize(writer, this, RecordJson.Default.EndedCall);
    }

    /// <summary>Reads a line; null if it is none.</summary>
    public static EndedCall? TryDecode(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, RecordJson.Default.EndedCall);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or ArgumentException or NotSupportedException)
        {
            return null;
        }
    }
}

/// <summary>What became of a callback.</summary>
public sealed record EndedCallback
{
    /// <summary>One of <see cref="CallbackStates"/>.</summary>
    [JsonPropertyName("state")]
    public required string State { get; init; }

    /// <summary>How often it was posted.</summary>
    [JsonPropertyName("attempts"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int Attempts { get; init; }

    /// <summary>Its POSTs, oldest first; the oldest of many are left out, and workers of before they were kept name none.</summary>
    [JsonPropertyName("posts")]
    public IReadOnlyList<PastAttempt>? Posts { get; init => field = RecordRules.List(value); }

    /// <summary>The receiver's last HTTP status; null if none came.</summary>
    [JsonPropertyName("status")]
    public int? Status { get; init; }

    /// <summary>What went wrong, in words.</summary>
    [JsonPropertyName("error")]
    public string? Error { get; init; }
}

/// <summary>How a call ended.</summary>
public static class EndStates
{
    /// <summary>Its function answered below 400.</summary>
    public const string Succeeded = "succeeded";

    /// <summary>It was given up; the reason says why.</summary>
    public const string Dead = "dead";

    /// <summary>Its caller cancelled it.</summary>
    public const string Cancelled = "cancelled";

    /// <summary>Its time was over before it could be sent.</summary>
    public const string Expired = "expired";

    /// <summary>No end of a call: its callback's, which comes later.</summary>
    public const string Callback = "callback";

    /// <summary>The ends of calls, in the order in which they are numbered where space counts.</summary>
    public static readonly IReadOnlyList<string> OfCalls = [Succeeded, Dead, Cancelled, Expired];
}

/// <summary>What became of a callback, in one word.</summary>
public static class CallbackStates
{
    /// <summary>It is still to be posted.</summary>
    public const string Due = "due";

    /// <summary>The receiver has it.</summary>
    public const string Delivered = "delivered";

    /// <summary>It was given up: the receiver or our own rules refused it.</summary>
    public const string Refused = "refused";

    /// <summary>It was given up: the receiver could not be reached for too long.</summary>
    public const string Expired = "expired";
}
