using System.Text;
using System.Text.Json;
using Connectors.Sdk.Invocation;

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

    /// <summary>Writes the header's value. JSON's default escaping leaves only ASCII, and no line break.</summary>
    public static string Encode(Envelope envelope) => EnvelopeWriter.Write(envelope);

    /// <summary>Reads a header's value. Null means that it is not an envelope, and <paramref name="error"/> says why; a newer version is read as far as it is known.</summary>
    public static Envelope? TryDecode(string? header, out string error) => header is null ? None(out error) : TryDecode(Encoding.UTF8.GetBytes(header), out error);

    /// <summary>The same for a value as it stands in the message.</summary>
    public static Envelope? TryDecode(ReadOnlySpan<byte> header, out string error)
    {
        try
        {
            var envelope = EnvelopeReader.TryRead(header) ?? JsonSerializer.Deserialize(header, RecordJson.Default.Envelope);
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

    /// <summary>Of a value that is not read as an envelope: one of a newer version, of which that alone is known. Null for what does not say that it is one.</summary>
    internal static Envelope? TryDecodeNewer(ReadOnlySpan<byte> header)
    {
        try
        {
            var version = 0;
            var reader = new Utf8JsonReader(header);
            while (reader.Read())
            {
                if (reader.CurrentDepth == 1 && reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals("v"u8))
                {
                    version = reader.Read() && reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out var found) ? found : 0;
                }
            }

            return version > Envelope.CurrentVersion
                ? new Envelope { Version = version, CallId = "", DeliveryId = "", Function = "", Namespace = "", Submitted = default }
                : null;
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
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
        { FunctionName.IsShort: false } => $"fn or ns is longer than {FunctionName.MaxQueuedLength} characters",
        { Path: [not '/', ..] } => "path does not begin with a slash",
        { Attempt: < 1 } => "attempt is below 1",
        _ => "",
    };
}
