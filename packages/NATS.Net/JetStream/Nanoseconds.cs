using System.Text.Json;
using System.Text.Json.Serialization;

namespace NATS.Client.JetStream;

/// <summary>Durations as Go writes them: whole nanoseconds.</summary>
internal sealed class Nanoseconds : JsonConverter<TimeSpan>
{
    private const long NanosecondsPerTick = 100;

    public static long Of(TimeSpan time) => checked(time.Ticks * NanosecondsPerTick);

    public override TimeSpan Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        TimeSpan.FromTicks(reader.GetInt64() / NanosecondsPerTick);

    public override void Write(Utf8JsonWriter writer, TimeSpan value, JsonSerializerOptions options) => writer.WriteNumberValue(Of(value));
}
