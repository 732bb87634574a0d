using System.Text.Json.Serialization;
using Connectors.Streams.Records;

namespace Connectors.Gateway.History;

/// <summary>One page of ended calls.</summary>
/// <param name="Items">The calls, newest first.</param>
/// <param name="Next">Where the next page begins (<c>after</c>); null at the end.</param>
/// <param name="OldestAt">When the oldest call ended that can be found here; null if there is none.</param>
internal sealed record CallPage(IReadOnlyList<CallItem> Items, string? Next, DateTime? OldestAt);

/// <summary>All calls of one id.</summary>
internal sealed record CallStories(string CallId, IReadOnlyList<CallStory> Calls);

/// <summary>An ended call in a list.</summary>
internal sealed record CallItem
{
    public required string CallId { get; init; }

    public required string DeliveryId { get; init; }

    public required string Function { get; init; }

    public required string Queue { get; init; }

    /// <summary>How it ended.</summary>
    public required string State { get; init; }

    public required string? Reason { get; init; }

    public required int? Status { get; init; }

    /// <summary>How often it was sent.</summary>
    public required int Attempts { get; init; }

    public required int Redrive { get; init; }

    public required DateTime? SubmittedAt { get; init; }

    public required DateTime EndedAt { get; init; }

    /// <summary>How long its last send took.</summary>
    public required double? Seconds { get; init; }

    public required IReadOnlyList<string> Tags { get; init; }

    public static CallItem From(string queue, EndedCall call) => new()
    {
        CallId = call.CallId,
        DeliveryId = call.DeliveryId,
        Function = call.FunctionName.ToString(),
        Queue = queue,
        State = call.State,
        Reason = call.Reason,
        Status = call.Status,
        Attempts = call.Attempts,
        Redrive = call.Redrive,
        SubmittedAt = call.Submitted?.UtcDateTime,
        EndedAt = call.Ended.UtcDateTime,
        Seconds = call.Sends is [.., var last] ? last.Seconds : null,
        Tags = call.Tags ?? [],
    };
}

/// <summary>A call with everything that is known of it.</summary>
internal sealed record CallStory
{
    public required string CallId { get; init; }

    public required string DeliveryId { get; init; }

    public required string Function { get; init; }

    public required string Queue { get; init; }

    /// <summary>How it ended, or <c>waiting</c>, <c>delayed</c> or <c>running</c>.</summary>
    public required string State { get; init; }

    public string? Reason { get; init; }

    public string? Error { get; init; }

    public int? Status { get; init; }

    /// <summary>How often it was sent, one that runs included.</summary>
    public int Attempts { get; init; }

    public int Redrive { get; init; }

    public DateTime? SubmittedAt { get; init; }

    /// <summary>Null for a call on its way.</summary>
    public DateTime? EndedAt { get; init; }

    /// <summary>When it is sent next at the earliest; only of a delayed call.</summary>
    public DateTime? DueAt { get; init; }

    public IReadOnlyList<CallSend> Sends { get; init; } = [];

    public long Size { get; init; }

    public long? ResultSize { get; init; }

    public CallbackStory? Callback { get; init; }

    public IReadOnlyList<string> Tags { get; init; } = [];

    public string? TraceId { get; init; }

    public static CallStory From(string queue, EndedCall call, EndedCall? callback) => new()
    {
        CallId = call.CallId,
        DeliveryId = call.DeliveryId,
        Function = call.FunctionName.ToString(),
        Queue = queue,
        State = call.State,
        Reason = call.Reason,
        Error = call.Error,
        Status = call.Status,
        Attempts = call.Attempts,
        Redrive = call.Redrive,
        SubmittedAt = call.Submitted?.UtcDateTime,
        EndedAt = call.Ended.UtcDateTime,
        Sends = CallSend.Of(call.Sends, call.Attempts, call.Submitted),
        Size = call.Size,
        ResultSize = call.ResultSize,
        Callback = (callback?.Callback ?? call.Callback) is { } told ? CallbackStory.From(told, call.Ended) : null,
        Tags = call.Tags ?? [],
        TraceId = TraceOf(call.Trace),
    };

    public static CallStory From(string queue, Envelope call, long size, bool isDelivered, DateTimeOffset now)
    {
        var isDelayed = call.NotBefore > now;
        var state = isDelayed ? "delayed" : isDelivered ? "running" : "waiting";
        return new CallStory
        {
            CallId = call.CallId,
            DeliveryId = call.DeliveryId,
            Function = call.FunctionName.ToString(),
            Queue = queue,
            State = state,
            Attempts = state == "running" ? call.Attempt : call.Attempt - 1,
            Redrive = call.Redrive,
            SubmittedAt = call.Submitted.UtcDateTime,
            DueAt = isDelayed ? call.NotBefore?.UtcDateTime : null,
            Sends = CallSend.Of(call.PastAttempts, call.Attempt - 1, call.Submitted),
            Size = size,
            Tags = call.Tags ?? [],
            TraceId = TraceOf(call.Trace),
        };
    }

    // 00-<trace id>-<parent>-<flags>
    private static string? TraceOf(string? traceParent) => traceParent?.Split('-') is [_, { Length: 32 } id, ..] ? id : null;
}

/// <summary>What became of a call's callback, or how far it is.</summary>
/// <param name="State">One of <see cref="CallbackStates"/>.</param>
/// <param name="Attempts">How often it was posted.</param>
/// <param name="Status">The receiver's last HTTP status; null if none came.</param>
/// <param name="Error">What went wrong at last, in words.</param>
/// <param name="Posts">Each time that it was posted, the first after the call's end; the oldest of many are missing, and all where a worker did not keep them.</param>
/// <param name="DueAt">When it is posted next at the earliest; null if it is not, or at once.</param>
internal sealed record CallbackStory(string State, int Attempts, int? Status, string? Error, IReadOnlyList<CallSend> Posts, DateTime? DueAt)
{
    public static CallbackStory From(EndedCallback callback, DateTimeOffset ended) =>
        new(callback.State, callback.Attempts, callback.Status, callback.Error, CallSend.Of(callback.Posts, callback.Attempts, ended), null);

    public static CallbackStory From(CallbackRecord record, DateTimeOffset ended) => new(
        CallbackStates.Due,
        record.Attempt - 1,
        record.Posts is [.., { Status: > 0 } last] ? last.Status : null,
        record.Posts is [.., var failed] ? failed.Error : null,
        CallSend.Of(record.Posts, record.Attempt - 1, ended),
        record.NotBefore?.UtcDateTime);
}

/// <summary>One send of a call, or one POST of its callback.</summary>
/// <param name="Attempt">Its ordinal, from 1.</param>
/// <param name="At">When it was sent.</param>
/// <param name="Waited">Seconds since the one before it ended, or since the call was accepted, of a callback since the call ended; null where that is not known.</param>
/// <param name="Status">The HTTP status that it ended with; null if none came.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="Error">What went wrong.</param>
internal sealed record CallSend(int Attempt, DateTime At, double? Waited, int? Status, double Seconds, string? Error)
{
    public static IReadOnlyList<CallSend> Of(IReadOnlyList<PastAttempt>? past, int attempts, DateTimeOffset? begun)
    {
        var sends = new List<CallSend>();
        var first = attempts - (past?.Count ?? 0) + 1;
        var before = first == 1 ? begun : null;
        foreach (var send in past ?? [])
        {
            // Two machines' clocks may differ.
            double? waited = before is { } since ? Math.Max(0, Math.Round((send.At - since).TotalSeconds, 3)) : null;
            sends.Add(new CallSend(first + sends.Count, send.At.UtcDateTime, waited, send.Status == 0 ? null : send.Status, send.Seconds, send.Error));
            before = send.At.AddSeconds(Math.Clamp(send.Seconds, 0, TimeSpan.FromDays(1).TotalSeconds));
        }

        return sends;
    }
}

[JsonSerializable(typeof(CallPage))]
[JsonSerializable(typeof(CallStories))]
[JsonSerializable(typeof(WaitingCount))]
[JsonSerializable(typeof(BulkCancelled))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class HistoryJson : JsonSerializerContext;
