using System.Text.Json;
using System.Text.Json.Serialization;
using Connectors.Sdk.Invocation;

namespace Connectors.Streams.Records;

/// <summary>
/// An accepted call as it travels in a stream: the raw HTTP body is the message, and this, as one line of ASCII JSON, is its header
/// <see cref="EnvelopeCodec.HeaderName"/>. The envelope is the truth about attempts and waits; a consumer is disposable.
/// </summary>
public sealed record Envelope
{
    /// <summary>The version this code writes; higher ones are given back, never dead-lettered.</summary>
    public const int CurrentVersion = 1;

    /// <summary>Version of the format.</summary>
    [JsonPropertyName("v")]
    public int Version { get; set; } = CurrentVersion;

    /// <summary>The caller's trace id; several calls may share it.</summary>
    [JsonPropertyName("callId")]
    public required string CallId { get; init; }

    /// <summary>The gateway's own id of this one accept, a UUID.</summary>
    [JsonPropertyName("deliveryId")]
    public required string DeliveryId { get; init; }

    /// <summary>The function's name, without namespace.</summary>
    [JsonPropertyName("fn")]
    public required string Function { get; init; }

    /// <summary>The function's namespace.</summary>
    [JsonPropertyName("ns")]
    public required string Namespace { get; init; }

    /// <summary>The caller's HTTP verb.</summary>
    [JsonPropertyName("method")]
    public string Method { get; set; } = "POST";

    /// <summary>What followed the function's name in the URL as sent, with its leading slash; empty for none.</summary>
    [JsonPropertyName("path")]
    public string Path { get; set; } = "";

    /// <summary>The raw query string without its question mark.</summary>
    [JsonPropertyName("query")]
    public string Query { get; set; } = "";

    /// <summary>The stored request headers, in order.</summary>
    [JsonPropertyName("headers")]
    public IReadOnlyList<Header> Headers { get; set; } = [];

    /// <summary>Where the outcome is posted.</summary>
    [JsonPropertyName("callback")]
    public string? Callback { get; init; }

    /// <summary>When the gateway accepted the call.</summary>
    [JsonPropertyName("submitted")]
    public required DateTimeOffset Submitted { get; init => field = RecordRules.Time(value); }

    /// <summary>The earliest time that its caller asked for, from which on its age counts; null for at once.</summary>
    [JsonPropertyName("due")]
    public DateTimeOffset? Due { get; init => field = RecordRules.Time(value); }

    /// <summary>When the call expires instead of being sent.</summary>
    [JsonPropertyName("deadline")]
    public DateTimeOffset? Deadline { get; init => field = RecordRules.Time(value); }

    /// <summary>The earliest time of the next send.</summary>
    [JsonPropertyName("notBefore")]
    public DateTimeOffset? NotBefore { get; init => field = RecordRules.Time(value); }

    /// <summary>Ordinal of the next send, from 1.</summary>
    [JsonPropertyName("attempt")]
    public int Attempt { get; set; } = 1;

    /// <summary>When attempt 1 was sent; null until then.</summary>
    [JsonPropertyName("firstAt")]
    public DateTimeOffset? FirstAt { get; init => field = RecordRules.Time(value); }

    /// <summary>How often the call was put back from the dead letters.</summary>
    [JsonPropertyName("redrive")]
    public int Redrive { get; init; }

    /// <summary>What it was before somebody edited it among the dead letters; null if nobody did.</summary>
    [JsonPropertyName("edited")]
    public EditedFrom? Edited { get; init; }

    /// <summary>How many callbacks lie between the first caller and this call.</summary>
    [JsonPropertyName("hops")]
    public int Hops { get; init; }

    /// <summary>The accept's <c>traceparent</c>.</summary>
    [JsonPropertyName("trace")]
    public string? Trace { get; init; }

    /// <summary>The function's own retry settings.</summary>
    [JsonPropertyName("retry")]
    public RetrySettings? Retry { get; init; }

    /// <summary>The function's own breaker settings.</summary>
    [JsonPropertyName("breaker")]
    public BreakerSettings? Breaker { get; init; }

    /// <summary>The function's <c>com.openfaas.queue.max_inflight</c>.</summary>
    [JsonPropertyName("maxInflight")]
    public int? MaxInflight { get; init; }

    /// <summary>How long to keep the result.</summary>
    [JsonPropertyName("storeResult"), JsonConverter(typeof(GoDurationJson))]
    public TimeSpan? StoreResult { get; init; }

    /// <summary>Which of the two consumers takes the call.</summary>
    [JsonPropertyName("priority")]
    public Priority Priority { get; init; }

    /// <summary>What the caller tagged the call with (<c>X-Call-Tags</c>).</summary>
    [JsonPropertyName("tags")]
    public IReadOnlyList<string>? Tags { get; init => field = RecordRules.List(value); }

    /// <summary>The sends before this one, oldest first; the oldest of many are left out.</summary>
    [JsonPropertyName("pastAttempts")]
    public IReadOnlyList<PastAttempt>? PastAttempts { get; init => field = RecordRules.List(value); }

    /// <summary>
    /// Whether nobody has said that there is such a function, as the provider could not be asked: the name is then only what the caller wrote. Older workers pass over it.
    /// </summary>
    [JsonPropertyName("unlisted"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool IsUnlisted { get; init; }

    /// <summary>Whether its caller named the function without its namespace: its callback does so too. Older workers pass over it.</summary>
    [JsonPropertyName("bare"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool IsBare { get; init; }

    /// <summary>Keys of a newer writer, kept in retry copies and dead letters.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }

    /// <summary>From when its age counts.</summary>
    [JsonIgnore]
    public DateTimeOffset AgeFrom => Due ?? Submitted;

    /// <summary>Name and namespace together.</summary>
    [JsonIgnore]
    public FunctionName FunctionName => new(Function, Namespace);

    /// <summary>The function as its caller named it: <c>name</c> or <c>name.namespace</c>.</summary>
    [JsonIgnore]
    public string NameAsCalled => IsBare ? Function : FunctionName.ToString();
}

/// <summary>Where a call that was edited before its redrive came from. Of several edits it is the last.</summary>
public sealed record EditedFrom
{
    /// <summary>The dead letter's number, in the queue's stream of dead letters.</summary>
    [JsonPropertyName("seq")]
    public required ulong Seq { get; init; }

    /// <summary>The function that it was for, as <c>name.namespace</c>.</summary>
    [JsonPropertyName("fn")]
    public required string Function { get; init; }

    /// <summary>What was changed: <c>body</c>, <c>headers</c>, <c>function</c>.</summary>
    [JsonPropertyName("changed")]
    public required IReadOnlyList<string> Changed { get; init => field = RecordRules.List(value); }

    /// <summary>When.</summary>
    [JsonPropertyName("at")]
    public required DateTimeOffset At { get; init; }
}

/// <summary>The order in which waiting calls are taken.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Priority>))]
public enum Priority
{
    /// <summary>First come, first served.</summary>
    [JsonStringEnumMemberName("normal")]
    Normal,

    /// <summary>Before the normal ones.</summary>
    [JsonStringEnumMemberName("high")]
    High,
}
