using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Connectors.Streams.Records;

/// <summary>
/// How the records are written. The code is generated, and gives a property that can only be initialized its type's default where the key is absent:
/// properties with a default of their own can be set.
/// </summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(Biography))]
[JsonSerializable(typeof(BulkCancellation))]
[JsonSerializable(typeof(CallbackRecord))]
[JsonSerializable(typeof(EndedCall))]
[JsonSerializable(typeof(Envelope))]
[JsonSerializable(typeof(OpenBreaker))]
[JsonSerializable(typeof(Pause))]
[JsonSerializable(typeof(StoredResult))]
[JsonSerializable(typeof(WorkerReport))]
internal sealed partial class RecordJson : JsonSerializerContext
{
    public static T? TryRead<T>(string? json, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return json is null ? null : JsonSerializer.Deserialize(json, type);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or ArgumentException or NotSupportedException)
        {
            return null;
        }
    }
}
