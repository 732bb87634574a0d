using System.Text.Json;
using System.Text.Json.Serialization;

namespace Connectors.Streams.Nats;

/// <summary>A stream's answer to a publish, as JetStream writes it, and the one table of what it means.</summary>
internal sealed record StreamAnswer
{
    [JsonPropertyName("stream")]
    public string? Stream { get; init; }

    [JsonPropertyName("seq")]
    public ulong Sequence { get; init; }

    [JsonPropertyName("duplicate")]
    public bool IsDuplicate { get; init; }

    [JsonPropertyName("error")]
    public StreamError? Error { get; init; }

    public static StreamWrite Read(ReadOnlySpan<byte> answer) => (TryReadAck(answer) ?? JsonSerializer.Deserialize(answer, StreamAnswerJson.Default.StreamAnswer)) switch
    {
        null => new StreamWrite(WriteResult.Unknown, "the answer is empty"),
        { Error: { } error } => Refusal(error),

        // Servers before 2.11 answer so to the repeat of a message that they had only taken in hand, and then lost with their leader.
        { Sequence: 0 } => new StreamWrite(WriteResult.Unknown, "the server takes it for a duplicate of what it has not stored") { IsIdSpent = true },
        { IsDuplicate: true } stored => new StreamWrite(WriteResult.Duplicate, "") { Stream = stored.Stream },
        var stored => new StreamWrite(WriteResult.Stored, "") { Stream = stored.Stream },
    };

    // Of a stream's name and a number alone, as an ack is that comes for each call; null for any other answer, broken JSON too.
    internal static StreamAnswer? TryReadAck(ReadOnlySpan<byte> answer)
    {
        try
        {
            var reader = new Utf8JsonReader(answer);
            string? stream = null;
            var sequence = 0UL;
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return null;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isKnown = reader.ValueTextEquals("stream"u8) ? Text(ref reader, out stream) : reader.ValueTextEquals("seq"u8) && Number(ref reader, out sequence);
                if (!isKnown)
                {
                    return null;
                }
            }

            return reader.TokenType == JsonTokenType.EndObject && !reader.Read() ? new StreamAnswer { Stream = stream, Sequence = sequence } : null;
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static bool Text(ref Utf8JsonReader reader, out string? text)
    {
        text = reader.Read() && reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
        return text is not null;
    }

    private static bool Number(ref Utf8JsonReader reader, out ulong number)
    {
        number = 0;
        return reader.Read() && reader.TokenType == JsonTokenType.Number && reader.TryGetUInt64(out number);
    }

    private static StreamWrite Refusal(StreamError error)
    {
        var words = $"{error.Description} ({error.ErrCode})";
        return error.ErrCode switch
        {
            // message size exceeds maximum allowed (the stream's own limit); header size exceeds maximum allowed of 64k
            10054 or 10097 => new StreamWrite(WriteResult.TooLarge, words),

            // resource limits exceeded for account; insufficient resources; insufficient memory; insufficient storage
            10002 or 10023 or 10028 or 10047 => new StreamWrite(WriteResult.Full, words),

            // Storing failed: "maximum messages exceeded", "maximum bytes exceeded" and the like mean a full stream; the rest is trouble of the store itself. A stream
            // looks for the id before it looks for room; in a cluster, account and server look before it does.
            10077 when error.Description.Contains("maximum", StringComparison.OrdinalIgnoreCase) => new StreamWrite(WriteResult.Full, words) { IsIdNew = true },

            // Duplicate message id is in process: the first one's fate is open, until it is stored or its leader is one no more. Under another id both may be.
            10158 => new StreamWrite(WriteResult.Unknown, words),

            // No leader, system temporarily unavailable, sealed, wrong cluster…: not stored, and only time or an operator changes it.
            _ => new StreamWrite(WriteResult.Refused, words),
        };
    }
}

/// <summary>Why a stream refused.</summary>
internal sealed record StreamError
{
    [JsonPropertyName("code")]
    public int Code { get; init; }

    [JsonPropertyName("err_code")]
    public int ErrCode { get; init; }

    [JsonPropertyName("description")]
    public string Description { get; init; } = "";
}

[JsonSerializable(typeof(StreamAnswer))]
internal sealed partial class StreamAnswerJson : JsonSerializerContext;
