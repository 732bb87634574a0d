using System.Text.Json.Nodes;

namespace Connectors.Cli.Json;

/// <summary>Reads the gateway's JSON. What is of another shape than ours ends in an <see cref="OtherShapeException"/>.</summary>
internal static class Shape
{
    /// <summary>A property that may be missing; null if it is, or is null itself.</summary>
    public static JsonNode? Find(this JsonNode? node, string property) => node switch
    {
        null => null,
        JsonObject fields => Read(() => fields[property]),
        _ => throw new OtherShapeException(),
    };

    /// <summary>A property that is there.</summary>
    public static JsonNode Need(this JsonNode? node, string property) => node.Find(property) ?? throw new OtherShapeException();

    /// <summary>What a list holds.</summary>
    public static IReadOnlyList<JsonNode> Items(this JsonNode node) =>
        node is JsonArray list ? [.. list.Select(item => item ?? throw new OtherShapeException())] : throw new OtherShapeException();

    /// <summary>A text, a number, a time, yes or no.</summary>
    public static T As<T>(this JsonNode node)
        where T : notnull => node is JsonValue value && Read(() => (IsRead: value.TryGetValue<T>(out var known), known)) is (true, { } read) ? read : throw new OtherShapeException();

    // A property that is there twice, and half a character, are noticed only here.
    private static T Read<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception fault) when (fault is ArgumentException or InvalidOperationException)
        {
            throw new OtherShapeException();
        }
    }
}
