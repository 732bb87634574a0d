using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Connectors.Sdk.Invocation;

/// <summary>One HTTP header line. On the wire a two-element array, so that repeated headers keep their order.</summary>
[JsonConverter(typeof(HeaderJson))]
public readonly record struct Header(string Name, string Value)
{
    /// <summary>Whether this is the header of that name; header names know no case.</summary>
    public bool Is(string name) => Name.Equals(name, StringComparison.OrdinalIgnoreCase);

    /// <summary>The value with spaces for the characters that would end its line or the request: an HTTP client writes them as they are.</summary>
    public string OneLine => Value.AsSpan().ContainsAny(Breaking) ? string.Concat(Value.Select(c => Breaking.Contains(c) ? ' ' : c)) : Value;

    // Not the upper control characters: in a value read as Latin-1 they are bytes of something else.
    private static readonly SearchValues<char> Breaking = SearchValues.Create([.. Enumerable.Range(0, 0x80).Select(c => (char)c).Where(c => c is (< ' ' and not '\t') or '\x7f')]);
}

/// <summary>Reads and writes a <see cref="Header"/> as <c>["name", "value"]</c>; public, for generated code of another assembly names it.</summary>
public sealed class HeaderJson : JsonConverter<Header>
{
    /// <inheritdoc/>
    public override Header Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw new JsonException("A header is written [name, value].");
        }

        var header = new Header(Next(ref reader), Next(ref reader));
        return reader.Read() && reader.TokenType == JsonTokenType.EndArray ? header : throw new JsonException("A header has two parts.");
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, Header value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        writer.WriteStringValue(value.Name);
        writer.WriteStringValue(value.Value);
        writer.WriteEndArray();
    }

    private static string Next(ref Utf8JsonReader reader) =>
        reader.Read() && reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw new JsonException("A header's parts are strings.");
}
