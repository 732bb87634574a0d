using System.Runtime.InteropServices;
using System.Text.Json;

namespace Connectors.Gateway.Provider.Remote;

/// <summary>
/// JSON of a provider, part by part: a name or a text that is none (half a character, <c>\ud83d</c> alone, or bytes that are no UTF-8) is passed over, and hides
/// nothing beside it.
/// </summary>
internal static class OddJson
{
    /// <summary>Deeper than any function is nested: one that is does not make all of a list unreadable.</summary>
    public static JsonDocumentOptions Options { get; } = new() { MaxDepth = 1000 };

    /// <summary>The entries of a list, none of one that is null, as Go writes an empty one; null for what is no list.</summary>
    public static IEnumerable<JsonElement>? Entries(JsonElement list) => list.ValueKind switch
    {
        JsonValueKind.Array => (IEnumerable<JsonElement>)list.EnumerateArray(),
        JsonValueKind.Null => [],
        _ => null,
    };

    /// <summary>The properties of an object, in their order; none of anything else.</summary>
    public static IEnumerable<(string Name, JsonElement Value)> Properties(JsonElement of)
    {
        if (of.ValueKind != JsonValueKind.Object)
        {
            yield break;
        }

        foreach (var property in of.EnumerateObject())
        {
            if (NameOf(property) is { } name)
            {
                yield return (name, property.Value);
            }
        }
    }

    /// <summary>A property by its name, of several the last; of no kind if there is none.</summary>
    public static JsonElement Property(JsonElement of, string name) => Properties(of).LastOrDefault(property => property.Name == name).Value;

    /// <summary>Null for what is no text.</summary>
    public static string? Text(JsonElement value)
    {
        try
        {
            return value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Writes a property as it was sent.</summary>
    public static void Copy(Utf8JsonWriter writer, string name, JsonElement value)
    {
        writer.WritePropertyName(name);
        writer.WriteRawValue(JsonMarshal.GetRawUtf8Value(value), skipInputValidation: true);
    }

    private static string? NameOf(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
