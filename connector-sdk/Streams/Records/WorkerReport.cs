using System.Text.Json;
using System.Text.Json.Serialization;

namespace Connectors.Streams.Records;

/// <summary>
/// What one worker says every few seconds of the calls that it has: of a work-queue stream the server knows what is stored, and not which function's calls
/// are running. Published to <see cref="StreamNames.Reports"/>, stored nowhere.
/// </summary>
public sealed record WorkerReport
{
    /// <summary>Which worker says it.</summary>
    [JsonPropertyName("worker")]
    public required string Worker { get; init; }

    /// <summary>Calls that run in it, by function (<c>name.namespace</c>).</summary>
    [JsonPropertyName("running")]
    public IReadOnlyDictionary<string, long> Running { get; set; } = new Dictionary<string, long>();

    /// <summary>Calls that it nakked until their time comes, by function.</summary>
    [JsonPropertyName("delayed")]
    public IReadOnlyDictionary<string, long> Delayed { get; set; } = new Dictionary<string, long>();

    /// <summary>The report as it is published.</summary>
    public byte[] Encode() => JsonSerializer.SerializeToUtf8Bytes(this, RecordJson.Default.WorkerReport);

    /// <summary>Reads a report; null for what is none.</summary>
    public static WorkerReport? TryDecode(byte[]? json) => RecordJson.TryRead(json is null ? null : System.Text.Encoding.UTF8.GetString(json), RecordJson.Default.WorkerReport);
}
