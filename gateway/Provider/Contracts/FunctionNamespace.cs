using System.Text.Json.Serialization;

namespace Connectors.Provider.Contracts;

/// <summary>A namespace as the API knows it.</summary>
public sealed record FunctionNamespace
{
    [JsonPropertyName("name")]
    public string Name { get; init => field = value ?? ""; } = "";

    [JsonPropertyName("annotations")]
    public IReadOnlyDictionary<string, string>? Annotations { get; init => field = FunctionSpec.Texts(value); }

    [JsonPropertyName("labels")]
    public IReadOnlyDictionary<string, string>? Labels { get; init => field = FunctionSpec.Texts(value); }
}
