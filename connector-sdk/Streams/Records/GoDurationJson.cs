using System.Text.Json;
using System.Text.Json.Serialization;
using Connectors.Sdk.Hosting;

namespace Connectors.Streams.Records;

/// <summary>A duration in a record. One beyond what anything waits for counts as that: who wrote it meant "very long".</summary>
internal sealed class GoDurationJson : JsonConverter<TimeSpan>
{
    public override TimeSpan Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.String || !GoDuration.TryParse(reader.GetString(), out var duration))
        {
            throw new JsonException("A duration is written in Go form, such as 1m30s.");
        }

        return duration > GoDuration.Max ? GoDuration.Max : duration;
    }

    public override void Write(Utf8JsonWriter writer, TimeSpan value, JsonSerializerOptions options) => writer.WriteStringValue(GoDuration.Format(value));
}
