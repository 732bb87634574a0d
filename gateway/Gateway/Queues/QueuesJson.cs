using System.Text.Json.Serialization;

namespace Connectors.Gateway.Queues;

[JsonSerializable(typeof(IReadOnlyList<QueueCounts>))]
[JsonSerializable(typeof(QueueStats))]
[JsonSerializable(typeof(Purged))]
[JsonSerializable(typeof(DelayedPage))]
[JsonSerializable(typeof(DeadLetterPage))]
[JsonSerializable(typeof(RedriveJob))]
[JsonSerializable(typeof(RedriveRequest))]
[JsonSerializable(typeof(JobStarted))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class QueuesJson : JsonSerializerContext;

/// <summary>How many calls a purge removed.</summary>
internal sealed record Purged([property: JsonPropertyName("purged")] long Calls);

/// <summary>The id of a new job.</summary>
internal sealed record JobStarted(string Id);
