using System.Text;
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

    private const int MaxCallId = 256;
    private const int MaxDeliveryId = 128;
    private const int MaxName = 200;

    /// <summary>Writes the header's value. JSON's default escaping leaves only ASCII, and no line break.</summary>
    public static string Encode(Envelope envelope) => JsonSerializer.Serialize(envelope, RecordJson.Options);

    /// <summary>Reads a header's value. Null means that it is not an envelope, and <paramref name="error"/> says why; a newer version is read as far as it is known.</summary>
    public static Envelope? TryDecode(string? header, out string error) => header is null ? None(out error) : TryDecode(Encoding.UTF8.GetBytes(header), out error);

    /// <summary>The same for a value as it stands in the message.</summary>
    public static Envelope? TryDecode(ReadOnlySpan<byte> header, out string error)
    {
        try
        {
            var envelope = JsonSerializer.Deserialize<Envelope>(header, RecordJson.Options);
            if (envelope is null)
            {
                return None(out error);
            }

            error = Fault(envelope);
            return error.Length == 0 ? envelope : null;
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or ArgumentException or NotSupportedException)
        {
            error = $"the header {HeaderName} is not an envelope: {fault.Message}";
            return null;
        }
    }

    private static Envelope? None(out string error)
    {
        error = $"the header {HeaderName} is missing";
        return null;
    }

    // Ids become message ids and keys, names become subjects: what is longer, or of other characters, could not be written down again.
    private static bool IsId(string id, int max) => id.Length > 0 && id.Length <= max && !id.AsSpan().ContainsAnyExceptInRange('!', '~');

    private static string Fault(Envelope envelope) => envelope switch
    {
        { Version: < 1 } => "v is below 1",
        { Version: > Envelope.CurrentVersion } => "",
        _ when !IsId(envelope.CallId, MaxCallId) => "callId is not 1 to 256 printable ASCII characters",
        _ when !IsId(envelope.DeliveryId, MaxDeliveryId) => "deliveryId is not 1 to 128 printable ASCII characters",
        { FunctionName.IsValid: false } => "fn or ns is not a function's name",
        { Function.Length: > MaxName } or { Namespace.Length: > MaxName } => "fn or ns is longer than 200 characters",
        { Path: [not '/', ..] } => "path does not begin with a slash",
        { Attempt: < 1 } => "attempt is below 1",
        _ => "",
    };
}

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
