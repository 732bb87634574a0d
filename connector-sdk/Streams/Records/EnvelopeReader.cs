using System.Text.Json;
using Connectors.Sdk.Invocation;

namespace Connectors.Streams.Records;

/// <summary>
/// Reads an envelope as our own gateway writes it, in a third of the time that the serializer takes. Whatever is out of the ordinary, an unknown key, a value
/// of another kind, broken JSON, it leaves to the serializer: it knows no errors of its own.
/// </summary>
internal static class EnvelopeReader
{
    /// <summary>The envelope; null if it is for the serializer to read.</summary>
    public static Envelope? TryRead(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            return reader.Read() && reader.TokenType == JsonTokenType.StartObject && TryReadObject(ref reader) is { } envelope && !reader.Read() ? envelope : null;
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    private static Envelope? TryReadObject(ref Utf8JsonReader reader)
    {
        var (version, attempt, redrive, hops) = (Envelope.CurrentVersion, 1, 0, 0);
        string? callId = null, deliveryId = null, function = null, ns = null, callback = null, trace = null;
        var (method, path, query) = ("POST", "", "");
        DateTimeOffset? submitted = null, due = null, deadline = null, notBefore = null, firstAt = null;
        int? maxInflight = null;
        IReadOnlyList<Header> headers = [];
        IReadOnlyList<string>? tags = null;
        var priority = Priority.Normal;
        var isBare = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isKnown =
                reader.ValueTextEquals("v"u8) ? Number(ref reader, out version)
                : reader.ValueTextEquals("callId"u8) ? Text(ref reader, out callId)
                : reader.ValueTextEquals("deliveryId"u8) ? Text(ref reader, out deliveryId)
                : reader.ValueTextEquals("fn"u8) ? Text(ref reader, out function)
                : reader.ValueTextEquals("ns"u8) ? Text(ref reader, out ns)
                : reader.ValueTextEquals("method"u8) ? Text(ref reader, out method)
                : reader.ValueTextEquals("path"u8) ? Text(ref reader, out path)
                : reader.ValueTextEquals("query"u8) ? Text(ref reader, out query)
                : reader.ValueTextEquals("headers"u8) ? Lines(ref reader, out headers)
                : reader.ValueTextEquals("submitted"u8) ? Time(ref reader, out submitted)
                : reader.ValueTextEquals("attempt"u8) ? Number(ref reader, out attempt)
                : reader.ValueTextEquals("redrive"u8) ? Number(ref reader, out redrive)
                : reader.ValueTextEquals("hops"u8) ? Number(ref reader, out hops)
                : reader.ValueTextEquals("priority"u8) ? Order(ref reader, out priority)
                : reader.ValueTextEquals("bare"u8) ? Flag(ref reader, out isBare)
                : reader.ValueTextEquals("callback"u8) ? Text(ref reader, out callback)
                : reader.ValueTextEquals("trace"u8) ? Text(ref reader, out trace)
                : reader.ValueTextEquals("due"u8) ? Time(ref reader, out due)
                : reader.ValueTextEquals("deadline"u8) ? Time(ref reader, out deadline)
                : reader.ValueTextEquals("notBefore"u8) ? Time(ref reader, out notBefore)
                : reader.ValueTextEquals("firstAt"u8) ? Time(ref reader, out firstAt)
                : reader.ValueTextEquals("tags"u8) ? Texts(ref reader, out tags)
                : reader.ValueTextEquals("maxInflight"u8) && Number(ref reader, out maxInflight);
            if (!isKnown)
            {
                return null;
            }
        }

        return reader.TokenType != JsonTokenType.EndObject || callId is null || deliveryId is null || function is null || ns is null || submitted is null ? null : new Envelope
        {
            Version = version,
            CallId = callId,
            DeliveryId = deliveryId,
            Function = function,
            Namespace = ns,
            Method = method,
            Path = path,
            Query = query,
            Headers = headers,
            Callback = callback,
            Submitted = submitted.Value,
            Due = due,
            Deadline = deadline,
            NotBefore = notBefore,
            Attempt = attempt,
            FirstAt = firstAt,
            Redrive = redrive,
            Hops = hops,
            Trace = trace,
            MaxInflight = maxInflight,
            Priority = priority,
            Tags = tags,
            IsBare = isBare,
        };
    }

    private static bool Text(ref Utf8JsonReader reader, out string text)
    {
        text = reader.Read() && reader.TokenType == JsonTokenType.String ? reader.GetString()! : "";
        return reader.TokenType == JsonTokenType.String;
    }

    private static bool Texts(ref Utf8JsonReader reader, out IReadOnlyList<string> texts)
    {
        var found = new List<string>();
        texts = found;
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray)
        {
            return false;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.String)
        {
            found.Add(reader.GetString()!);
        }

        return reader.TokenType == JsonTokenType.EndArray;
    }

    private static bool Number(ref Utf8JsonReader reader, out int number)
    {
        number = 0;
        return reader.Read() && reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out number);
    }

    private static bool Number(ref Utf8JsonReader reader, out int? number)
    {
        var isNumber = Number(ref reader, out int found);
        number = found;
        return isNumber;
    }

    private static bool Flag(ref Utf8JsonReader reader, out bool isSet)
    {
        isSet = reader.Read() && reader.TokenType == JsonTokenType.True;
        return isSet || reader.TokenType == JsonTokenType.False;
    }

    private static bool Time(ref Utf8JsonReader reader, out DateTimeOffset? time)
    {
        var found = default(DateTimeOffset);
        var isTime = reader.Read() && reader.TokenType == JsonTokenType.String && reader.TryGetDateTimeOffset(out found);
        time = found;
        return isTime;
    }

    private static bool Order(ref Utf8JsonReader reader, out Priority priority)
    {
        var isText = reader.Read() && reader.TokenType == JsonTokenType.String;
        priority = isText && reader.ValueTextEquals("high"u8) ? Priority.High : Priority.Normal;
        return isText && (priority == Priority.High || reader.ValueTextEquals("normal"u8));
    }

    private static bool Lines(ref Utf8JsonReader reader, out IReadOnlyList<Header> headers)
    {
        var lines = new List<Header>();
        headers = lines;
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray)
        {
            return false;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.StartArray)
        {
            if (!Text(ref reader, out var name) || !Text(ref reader, out var value) || !reader.Read() || reader.TokenType != JsonTokenType.EndArray)
            {
                return false;
            }

            lines.Add(new Header(name, value));
        }

        return reader.TokenType == JsonTokenType.EndArray;
    }
}
