using System.Text.Json;
using System.Text.Json.Serialization;

namespace Connectors.Streams.Records;

/// <summary>How envelopes, biographies and callback records are written: by reflection, for generated code would lose the defaults of absent keys.</summary>
internal static class RecordJson
{
    public static readonly JsonSerializerOptions Options = new()
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        RespectNullableAnnotations = true,
    };

    public static T? TryRead<T>(string? json)
        where T : class
    {
        try
        {
            return json is null ? null : JsonSerializer.Deserialize<T>(json, Options);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or ArgumentException or NotSupportedException)
        {
            return null;
        }
    }
}
