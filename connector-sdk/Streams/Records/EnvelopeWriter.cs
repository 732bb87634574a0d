using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Connectors.Sdk.Invocation;

namespace Connectors.Streams.Records;

/// <summary>Writes an envelope, byte for byte as the serializer would, without its look at each property: the gateway writes one for each call that it accepts.</summary>
internal static class EnvelopeWriter
{
    // Of a buffer that grew beyond it none is kept.
    private const int MaxKept = 2 * EnvelopeCodec.MaxBytes;

    [ThreadStatic]
    private static (ArrayBufferWriter<byte> Bytes, Utf8JsonWriter Json)? _spare;

    public static string Write(Envelope envelope)
    {
        var (bytes, json) = _spare ?? Make();
        _spare = null;
        Write(json, envelope);
        json.Flush();
        var text = Encoding.ASCII.GetString(bytes.WrittenSpan);
        if (bytes.Capacity <= MaxKept)
        {
            bytes.ResetWrittenCount();
            json.Reset();
            _spare = (bytes, json);
        }

        return text;
    }

    private static (ArrayBufferWriter<byte> Bytes, Utf8JsonWriter Json) Make()
    {
        var bytes = new ArrayBufferWriter<byte>(1024);
        return (bytes, new Utf8JsonWriter(bytes, new JsonWriterOptions { SkipValidation = true }));
    }

    private static void Write(Utf8JsonWriter json, Envelope envelope)
    {
        json.WriteStartObject();
        json.WriteNumber("v"u8, envelope.Version);
        Text(json, "callId"u8, envelope.CallId);
        Text(json, "deliveryId"u8, envelope.DeliveryId);
        Text(json, "fn"u8, envelope.Function);
        Text(json, "ns"u8, envelope.Namespace);
        Text(json, "method"u8, envelope.Method);
        Text(json, "path"u8, envelope.Path);
        Text(json, "query"u8, envelope.Query);
        if (envelope.Headers is { } headers)
        {
            Lines(json, headers);
        }

        Text(json, "callback"u8, envelope.Callback);
        json.WriteString("submitted"u8, envelope.Submitted);
        Time(json, "due"u8, envelope.Due);
        Time(json, "deadline"u8, envelope.Deadline);
        Time(json, "notBefore"u8, envelope.NotBefore);
        json.WriteNumber("attempt"u8, envelope.Attempt);
        Time(json, "firstAt"u8, envelope.FirstAt);
        json.WriteNumber("redrive"u8, envelope.Redrive);
        Value(json, "edited"u8, envelope.Edited, RecordJson.Default.EditedFrom);
        json.WriteNumber("hops"u8, envelope.Hops);
        Text(json, "trace"u8, envelope.Trace);
        Value(json, "retry"u8, envelope.Retry, RecordJson.Default.RetrySettings);
        Value(json, "breaker"u8, envelope.Breaker, RecordJson.Default.BreakerSettings);
        if (envelope.MaxInflight is { } maxInflight)
        {
            json.WriteNumber("maxInflight"u8, maxInflight);
        }

        if (envelope.StoreResult is { } age)
        {
            json.WriteString("storeResult"u8, Sdk.Hosting.GoDuration.Format(age));
        }

        Value(json, "priority"u8, envelope.Priority);
        Value(json, "tags"u8, envelope.Tags, RecordJson.Default.IReadOnlyListString);
        Value(json, "pastAttempts"u8, envelope.PastAttempts, RecordJson.Default.IReadOnlyListPastAttempt);
        Flag(json, "unlisted"u8, envelope.IsUnlisted);
        Flag(json, "bare"u8, envelope.IsBare);
        if (envelope.Unknown is { } unknown)
        {
            foreach (var (name, value) in unknown)
            {
                json.WritePropertyName(name);
                value.WriteTo(json);
            }
        }

        json.WriteEndObject();
    }

    private static void Lines(Utf8JsonWriter json, IReadOnlyList<Header> headers)
    {
        json.WriteStartArray("headers"u8);
        for (var i = 0; i < headers.Count; i++)
        {
            json.WriteStartArray();
            json.WriteStringValue(headers[i].Name);
            json.WriteStringValue(headers[i].Value);
            json.WriteEndArray();
        }

        json.WriteEndArray();
    }

    private static void Text(Utf8JsonWriter json, ReadOnlySpan<byte> name, string? text)
    {
        if (text is not null)
        {
            json.WriteString(name, text);
        }
    }

    private static void Time(Utf8JsonWriter json, ReadOnlySpan<byte> name, DateTimeOffset? time)
    {
        if (time is { } known)
        {
            json.WriteString(name, known);
        }
    }

    private static void Flag(Utf8JsonWriter json, ReadOnlySpan<byte> name, bool isSet)
    {
        if (isSet)
        {
            json.WriteBoolean(name, true);
        }
    }

    private static void Value(Utf8JsonWriter json, ReadOnlySpan<byte> name, Priority priority)
    {
        json.WritePropertyName(name);
        if (priority is Priority.Normal)
        {
            json.WriteStringValue("normal"u8);
        }
        else
        {
            JsonSerializer.Serialize(json, priority, RecordJson.Default.Priority);
        }
    }

    // What few envelopes have the serializer writes.
    private static void Value<T>(Utf8JsonWriter json, ReadOnlySpan<byte> name, T? value, JsonTypeInfo<T> type)
        where T : class
    {
        if (value is not null)
        {
            json.WritePropertyName(name);
            JsonSerializer.Serialize(json, value, type);
        }
    }
}
