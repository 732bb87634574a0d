using System.Text.Json.Serialization;

namespace Connectors.Provider.Contracts;

/// <summary>A secret as the API knows it; its value travels in only.</summary>
public sealed record FunctionSecret
{
    [JsonPropertyName("name")]
    public string Name { get; init => field = value ?? ""; } = "";

    [JsonPropertyName("namespace")]
    public string? Namespace { get; init; }

    [JsonPropertyName("value")]
    public string? Value { get; init; }

    /// <summary>Base 64 on the wire; wins over <see cref="Value"/>.</summary>
    [JsonPropertyName("rawValue")]
    public byte[]? RawValue { get; init; }
}
