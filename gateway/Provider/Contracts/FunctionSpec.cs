using System.Text.Json.Serialization;

namespace Connectors.Provider.Contracts;

/// <summary>A function as it is deployed; the keys of OpenFaaS's API.</summary>
public record FunctionSpec
{
    [JsonPropertyName("image"), JsonPropertyOrder(-8)]
    public string Image { get; init; } = "";

    [JsonPropertyName("namespace"), JsonPropertyOrder(-7)]
    public string? Namespace { get; init; }

    [JsonPropertyName("envProcess")]
    public string? EnvProcess { get; init; }

    [JsonPropertyName("envVars")]
    public IReadOnlyDictionary<string, string>? EnvVars { get; init; }

    [JsonPropertyName("constraints")]
    public IReadOnlyList<string>? Constraints { get; init; }

    [JsonPropertyName("secrets")]
    public IReadOnlyList<string>? Secrets { get; init; }

    [JsonPropertyName("labels")]
    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    [JsonPropertyName("annotations")]
    public IReadOnlyDictionary<string, string>? Annotations { get; init; }

    [JsonPropertyName("limits")]
    public FunctionResources? Limits { get; init; }

    [JsonPropertyName("requests")]
    public FunctionResources? Requests { get; init; }

    [JsonPropertyName("readOnlyRootFilesystem")]
    public bool? ReadOnlyRootFilesystem { get; init; }
}
