using System.Text.Json.Serialization;

namespace Connectors.Gateway.Queues;

[JsonSerializable(typeof(IReadOnlyList<QueueCounts>))]
[JsonSerializable(typeof(QueueStats))]
[JsonSerializable(typeof(Purged))]
[JsonSerializable(typeof(PurgeCount))]
[JsonSerializable(typeof(PauseRequest))]
[JsonSerializable(typeof(PauseView))]
[JsonSerializable(typeof(DelayedPage))]
[JsonSerializable(typeof(DeadLetterPage))]
[JsonSerializable(typeof(DeadLetterRequest))]
[JsonSerializable(typeof(Counted))]
[JsonSerializable(typeof(Deleted))]
[JsonSerializable(typeof(DeadEdit))]
[JsonSerializable(typeof(RedriveJob))]
[JsonSerializable(typeof(IReadOnlyList<RedriveJob>))]
[JsonSerializable(typeof(RedriveRequest))]
[JsonSerializable(typeof(JobStarted))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class QueuesJson : JsonSerializerContext;

/// <summary>How many calls a purge removed.</summary>
internal sealed record Purged([property: JsonPropertyName("purged")] long Calls);

/// <summary>How many calls a purge would remove.</summary>
internal sealed record PurgeCount(long Count);

/// <summary>How many letters a filter means.</summary>
/// <param name="Count">So many, or at least so many.</param>
/// <param name="IsComplete">False if there may be more: it took too long to look at all.</param>
/// <param name="Last">The number of the latest letter that there was, looked at or not.</param>
/// <param name="Since">The filter's time: whoever asked with how long ago, and acts with this, means the same letters.</param>
/// <param name="Until">As <paramref name="Since"/>.</param>
internal sealed record Counted(
    long Count,
    bool IsComplete,
    ulong Last,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] DateTime? Since,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] DateTime? Until);

/// <summary>How many letters were removed.</summary>
/// <param name="Letters">So many.</param>
/// <param name="Next">Where the next part begins (<c>after</c>); null at the end.</param>
internal sealed record Deleted([property: JsonPropertyName("deleted")] long Letters, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ulong? Next);

/// <summary>The id of a new job.</summary>
internal sealed record JobStarted(string Id);
