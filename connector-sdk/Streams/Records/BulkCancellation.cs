using System.Text.Json;
using System.Text.Json.Serialization;
using Connectors.Sdk.Invocation;

namespace Connectors.Streams.Records;

/// <summary>
/// The wish that all calls of a kind that wait when it is made end unrun: a value of the bucket <c>OF_cancelled</c>, beside those of single call ids. Workers
/// judge each call by it when they meet the call, so that none slips through on its way from one stream to another:
/// <code>
/// made 12:00 with function=f, tag=t
/// f, tag t, submitted 11:59, waits or is delayed     ends as cancelled
/// f, tag t, submitted 11:59, runs at 12:00           runs to its end; should it be tried again, that is when it ends
/// f, tag t, submitted 12:01                          is not meant, nor is one that is redriven later
/// </code>
/// </summary>
public sealed record BulkCancellation
{
    private const string Prefix = "many.";

    /// <summary>When it was made.</summary>
    [JsonPropertyName("at")]
    public required DateTimeOffset At { get; init; }

    /// <summary>Only calls of this queue; null for all.</summary>
    [JsonPropertyName("queue")]
    public string? Queue { get; init; }

    /// <summary>Only calls of this function, as <c>name.namespace</c>; null for all.</summary>
    [JsonPropertyName("fn")]
    public string? Function { get; init; }

    /// <summary>Only calls with this tag; null for all.</summary>
    [JsonPropertyName("tag")]
    public string? Tag { get; init; }

    /// <summary>Only calls in these of <see cref="WaitStates"/> at that time; null for all.</summary>
    [JsonPropertyName("states")]
    public IReadOnlyList<string>? States { get; init => field = RecordRules.List(value); }

    /// <summary>Only calls submitted from then on.</summary>
    [JsonPropertyName("since")]
    public DateTimeOffset? Since { get; init; }

    /// <summary>Only calls submitted before then.</summary>
    [JsonPropertyName("until")]
    public DateTimeOffset? Until { get; init; }

    /// <summary>Keys of a newer writer.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }

    /// <summary>Whether a call of a queue is meant, whatever became of it since.</summary>
    public bool Covers(string queue, Envelope call) =>
        call.Submitted <= At
        && (Queue is null || Queue == queue)
        && (Function is null || Function == call.FunctionName.ToString())
        && (Tag is null || call.Tags?.Contains(Tag) == true)
        && !(call.Submitted < Since)
        && !(call.Submitted >= Until)
        && (States is null || States.Contains(WaitStates.Of(call, At)));

    /// <summary>The bucket's key of one; a call id's has no dot.</summary>
    public static string Key(string id) => Prefix + id;

    /// <summary>Whether a key is one's.</summary>
    public static bool IsKey(string key) => key.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>Writes the bucket's value.</summary>
    public byte[] Encode() => JsonSerializer.SerializeToUtf8Bytes(this, RecordJson.Default.BulkCancellation);

    /// <summary>Reads a value; null for what is none, or says more than is understood here: half of it would cancel too much.</summary>
    public static BulkCancellation? TryDecode(byte[] value) =>
        RecordJson.TryRead(System.Text.Encoding.UTF8.GetString(value), RecordJson.Default.BulkCancellation) is { Unknown: null or { Count: 0 } } read ? read : null;
}

/// <summary>What a call can wait for.</summary>
public static class WaitStates
{
    /// <summary>For a worker.</summary>
    public const string Waiting = "waiting";

    /// <summary>To be sent again.</summary>
    public const string Retry = "retry";

    /// <summary>For the time that its caller named.</summary>
    public const string Delayed = "delayed";

    /// <summary>All of them.</summary>
    public static readonly IReadOnlyList<string> All = [Waiting, Retry, Delayed];

    /// <summary>What a call that does not run waited for at some time since it was accepted.</summary>
    public static string Of(Envelope call, DateTimeOffset at) => call.Due > at ? Delayed : call.FirstAt <= at ? Retry : Waiting;
}
