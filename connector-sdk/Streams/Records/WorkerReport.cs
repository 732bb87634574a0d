using System.Text.Json;
using System.Text.Json.Serialization;

namespace Connectors.Streams.Records;

/// <summary>
/// What one worker says every few seconds of the calls that it has: of a work-queue stream the server knows what is stored, and not which function's calls
/// are running. Published to <see cref="StreamNames.Reports"/>, stored nowhere. Of more functions than fit into one message it is published in parts.
/// </summary>
public sealed record WorkerReport
{
    /// <summary>Functions that a worker tells of at most, those with most calls running, then delayed: callers choose names, and whoever listens holds them all.</summary>
    public const int MaxFunctions = 20_000;

    /// <summary>Which worker says it.</summary>
    [JsonPropertyName("worker")]
    public required string Worker { get; init; }

    /// <summary>Calls that run in it, by function (<c>name.namespace</c>).</summary>
    [JsonPropertyName("running")]
    public IReadOnlyDictionary<string, long> Running { get; set; } = new Dictionary<string, long>();

    /// <summary>Calls that it nakked until their time comes, by function.</summary>
    [JsonPropertyName("delayed")]
    public IReadOnlyDictionary<string, long> Delayed { get; set; } = new Dictionary<string, long>();

    /// <summary>Which part of what the worker says this is, from 0. Older readers take each for the whole.</summary>
    [JsonPropertyName("part"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int Part { get; init; }

    /// <summary>In how many parts the worker says it; 0 for this one alone.</summary>
    [JsonPropertyName("parts"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int Parts { get; init; }

    /// <summary>The report as it is published.</summary>
    public byte[] Encode() => JsonSerializer.SerializeToUtf8Bytes(this, RecordJson.Default.WorkerReport);

    /// <summary>The report as it is published: in parts if it does not fit into a message of so many bytes. Of one function alone it is not divided.</summary>
    public IReadOnlyList<byte[]> Encode(int maxBytes)
    {
        var told = Running.Count + Delayed.Count;
        if (told <= MaxFunctions)
        {
            var whole = Encode();
            if (told < 2 || whole.Length <= maxBytes)
            {
                return [whole];
            }
        }

        var functions = Named();
        for (var parts = 1; ; parts *= 2)
        {
            var size = Math.Max(1, (functions.Length + parts - 1) / parts);
            var count = (functions.Length + size - 1) / size;
            var messages = functions.Chunk(size).Select((some, part) => Of(some, part, count).Encode()).ToArray();
            if (size == 1 || Array.TrueForAll(messages, message => message.Length <= maxBytes))
            {
                return messages;
            }
        }
    }

    /// <summary>Reads a report; null for what is none.</summary>
    public static WorkerReport? TryDecode(byte[]? json) => RecordJson.TryRead(json is null ? null : System.Text.Encoding.UTF8.GetString(json), RecordJson.Default.WorkerReport);

    // In one order: whoever has one part of this report and another of the next counts few functions twice.
    private string[] Named() => Running.Keys.Union(Delayed.Keys)
        .OrderByDescending(function => Running.GetValueOrDefault(function))
        .ThenByDescending(function => Delayed.GetValueOrDefault(function))
        .ThenBy(function => function, StringComparer.Ordinal)
        .Take(MaxFunctions)
        .Order(StringComparer.Ordinal)
        .ToArray();

    private WorkerReport Of(string[] functions, int part, int parts) => this with
    {
        Running = functions.Where(Running.ContainsKey).ToDictionary(function => function, function => Running[function]),
        Delayed = functions.Where(Delayed.ContainsKey).ToDictionary(function => function, function => Delayed[function]),
        Part = part,
        Parts = parts > 1 ? parts : 0,
    };
}
