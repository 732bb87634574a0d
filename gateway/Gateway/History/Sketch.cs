using System.Text;
using System.Text.Json;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.History;

/// <summary>Of a line, what is searched for. Read as it comes, for at a start a million may be read.</summary>
internal ref struct Sketch
{
    /// <summary>The bits of all ends of calls.</summary>
    public const int CallStates = 0b1111;

    /// <summary>The bit of an end of a callback.</summary>
    public const int CallbackState = 1 << CallbackNumber;

    private const int CallbackNumber = 4;
    private const int MaxTags = 8;

    public long Ended;
    public int Call;
    public int Function;
    public byte State;
    public int TagCount;
    public int[] Tags;

    [ThreadStatic]
    private static int[]? _tags;

    /// <summary>The bit of a state; 0 for what is none of a call.</summary>
    public static int BitOf(string state)
    {
        var number = EndStates.OfCalls.ToList().IndexOf(state);
        return number < 0 ? 0 : 1 << number;
    }

    public static int HashOf(string text) => HashOf(Encoding.UTF8.GetBytes(text));

    public static int HashOf(FunctionName function) => HashCode.Combine(HashOf(function.Name), HashOf(function.Namespace));

    public static bool TryRead(ReadOnlySpan<byte> line, out Sketch sketch)
    {
        sketch = new Sketch { Tags = _tags ??= new int[MaxTags] };
        try
        {
            return TryReadObject(new Utf8JsonReader(line), ref sketch);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    private static bool TryReadObject(Utf8JsonReader reader, ref Sketch sketch)
    {
        int? name = null, ns = null;
        var (hasCall, hasState, hasEnded) = (false, false, false);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            return false;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("callId"u8))
            {
                hasCall = TryHash(ref reader, out sketch.Call);
            }
            else if (reader.ValueTextEquals("fn"u8))
            {
                name = TryHash(ref reader, out var hash) ? hash : null;
            }
            else if (reader.ValueTextEquals("ns"u8))
            {
                ns = TryHash(ref reader, out var hash) ? hash : null;
            }
            else if (reader.ValueTextEquals("state"u8))
            {
                hasState = TryState(ref reader, out sketch.State);
            }
            else if (reader.ValueTextEquals("ended"u8))
            {
                hasEnded = reader.Read() && reader.TokenType == JsonTokenType.String && reader.TryGetDateTimeOffset(out var ended);
                sketch.Ended = hasEnded ? reader.GetDateTimeOffset().ToUnixTimeMilliseconds() : 0;
            }
            else if (reader.ValueTextEquals("tags"u8))
            {
                ReadTags(ref reader, ref sketch);
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }

        sketch.Function = name is { } first && ns is { } second ? HashCode.Combine(first, second) : 0;
        return hasCall && hasState && hasEnded && name is not null && ns is not null;
    }

    private static bool TryState(ref Utf8JsonReader reader, out byte state)
    {
        state = 0;
        if (!reader.Read() || reader.TokenType != JsonTokenType.String)
        {
            return false;
        }

        for (; state < EndStates.OfCalls.Count; state++)
        {
            if (reader.ValueTextEquals(EndStates.OfCalls[state]))
            {
                return true;
            }
        }

        state = CallbackNumber;
        return reader.ValueTextEquals(EndStates.Callback);
    }

    private static void ReadTags(ref Utf8JsonReader reader, ref Sketch sketch)
    {
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray)
        {
            reader.Skip();
            return;
        }

        while (TryHash(ref reader, out var hash))
        {
            if (sketch.TagCount < MaxTags)
            {
                sketch.Tags[sketch.TagCount++] = hash;
            }
        }

        // Not an array of texts: the rest of it is passed over.
        while (reader.TokenType != JsonTokenType.EndArray)
        {
            reader.Skip();
            if (!reader.Read())
            {
                return;
            }
        }
    }

    private static bool TryHash(ref Utf8JsonReader reader, out int hash)
    {
        hash = 0;
        if (!reader.Read() || reader.TokenType != JsonTokenType.String)
        {
            return false;
        }

        hash = reader.ValueIsEscaped ? HashOf(reader.GetString()!) : HashOf(reader.ValueSpan);
        return true;
    }

    private static int HashOf(ReadOnlySpan<byte> text)
    {
        var hash = default(HashCode);
        hash.AddBytes(text);
        return hash.ToHashCode();
    }
}
