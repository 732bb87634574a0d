using System.Text.Json.Serialization;

namespace Connectors.Provider.Contracts;

/// <summary>A line of a function's log.</summary>
/// <param name="Name">The function.</param>
/// <param name="Namespace">Its namespace.</param>
/// <param name="Instance">Which process wrote it.</param>
/// <param name="Timestamp">When.</param>
/// <param name="Text">What.</param>
public sealed record LogMessage(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("namespace")] string Namespace,
    [property: JsonPropertyName("instance")] string Instance,
    [property: JsonPropertyName("timestamp")] DateTimeOffset Timestamp,
    [property: JsonPropertyName("text")] string Text);
