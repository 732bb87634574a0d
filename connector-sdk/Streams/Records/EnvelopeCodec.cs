using System.Text.Json;
using System.Text.Json.Serialization;
using Connectors.Sdk.Hosting;

namespace Connectors.Streams.Records;

/// <summary>An <see cref="Envelope"/> as the value of one message header: one line of ASCII JSON, everything else as <c>\uXXXX</c>.</summary>
public static class EnvelopeCodec
{
    /// <summary>The message header that carries the envelope.</summary>
    public const string HeaderName = "Envelope";

    /// <summary>The largest envelope accepted, in bytes; over it the gateway answers 431.</summary>
    public const int MaxBytes = 32 * 1024;

    /// <summary>Writes the header's value. JSON's default escaping leaves only ASCII, and no line break.</summary>
    public static string Encode(Envelope envelope) => JsonSerializer.Serialize(envelope, RecordJson.Options);

    /// <summary>Reads a header's value. Null means that it is not an envelope, and <paramref name="error"/> says why; a newer version is read as far as it is known.</summary>
    public static Envelope? TryDecode(string? header, out string error)
    {
        error = "";
        try
        {
            var envelope = header is null ? null : JsonSerializer.Deserialize<Envelope>(header, RecordJson.Options);
            error = envelope is null ? $"the header {HeaderName} is missing" : Fault(envelope);
            return error.Length == 0 ? envelope : null;
        }
        catch (JsonException fault)
        {
            error = $"the header {HeaderName} is not an envelope: {fault.Message}";
            return null;
        }
    }

    private static string Fault(Envelope envelope) => envelope switch
    {
        { Version: < 1 } => "v is below 1",
        { Version: > Envelope.CurrentVersion } => "",
        { CallId.Length: 0 } => "callId is empty",
        { DeliveryId.Length: 0 } => "deliveryId is empty",
        { FunctionName.IsValid: false } => "fn or ns is not a function's name",
        { Attempt: < 1 } => "attempt is below 1",
        _ => "",
    };
}

internal sealed class GoDurationJson : JsonConverter<TimeSpan>
{
    public override TimeSpan Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && GoDuration.TryParse(reader.GetString(), out var duration)
            ? duration
            : throw new JsonException("A duration is written in Go form, such as 1m30s.");

    public override void Write(Utf8JsonWriter writer, TimeSpan value, JsonSerializerOptions options) => writer.WriteStringValue(GoDuration.Format(value));
}
