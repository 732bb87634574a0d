using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization;
using NATS.Client.Core;

namespace NATS.Client.JetStream;

/// <summary>The JSON of the JetStream API: snake_case, nothing that has its default value.</summary>
internal static class JsonApi
{
    public static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower), new Nanoseconds() },
    };
}

internal sealed class JsonApiSerializer<T> : INatsSerializer<T>
{
    public static readonly JsonApiSerializer<T> Default = new();

    public INatsSerializer<T> CombineWith(INatsSerializer<T> next) => throw new NotSupportedException();

    public void Serialize(IBufferWriter<byte> bufferWriter, T value)
    {
        using var writer = new Utf8JsonWriter(bufferWriter, new JsonWriterOptions { SkipValidation = true });
        JsonSerializer.Serialize(writer, value, JsonApi.Options);
    }

    public T? Deserialize(in ReadOnlySequence<byte> buffer)
    {
        var reader = new Utf8JsonReader(buffer);
        return JsonSerializer.Deserialize<T>(ref reader, JsonApi.Options);
    }
}
