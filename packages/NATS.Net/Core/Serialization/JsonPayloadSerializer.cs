using System.Buffers;
using System.Text.Json;

namespace NATS.Client.Core;

/// <summary>Everything else as JSON with the defaults of System.Text.Json.</summary>
internal sealed class JsonPayloadSerializer<T> : INatsSerializer<T>
{
    public static readonly JsonPayloadSerializer<T> Default = new();

    public INatsSerializer<T> CombineWith(INatsSerializer<T> next) => throw new NotSupportedException();

    public void Serialize(IBufferWriter<byte> bufferWriter, T value)
    {
        using var writer = new Utf8JsonWriter(bufferWriter, new JsonWriterOptions { SkipValidation = true });
        JsonSerializer.Serialize(writer, value);
    }

    public T? Deserialize(in ReadOnlySequence<byte> buffer)
    {
        var reader = new Utf8JsonReader(buffer);
        return JsonSerializer.Deserialize<T>(ref reader);
    }
}
