using System.Text.Json.Serialization;

namespace Connectors.Provider.Contracts;

/// <summary>A function as it is deployed; the keys of OpenFaaS's API.</summary>
public record FunctionSpec
{
    [JsonPropertyName("image"), JsonPropertyOrder(-8)]
    public string Image { get; init => field = value ?? ""; } = "";

    [JsonPropertyName("namespace"), JsonPropertyOrder(-7)]
    public string? Namespace { get; init; }

    [JsonPropertyName("envProcess")]
    public string? EnvProcess { get; init; }

    [JsonPropertyName("envVars")]
    public IReadOnlyDictionary<string, string>? EnvVars { get; init => field = Texts(value); }

    [JsonPropertyName("constraints")]
    public IReadOnlyList<string>? Constraints { get; init; }

    [JsonPropertyName("secrets")]
    public IReadOnlyList<string>? Secrets { get; init; }

    [JsonPropertyName("labels")]
    public IReadOnlyDictionary<string, string>? Labels { get; init => field = Texts(value); }

    [JsonPropertyName("annotations")]
    public IReadOnlyDictionary<string, string>? Annotations { get; init => field = Texts(value); }

    [JsonPropertyName("limits")]
    public FunctionResources? Limits { get; init; }

    [JsonPropertyName("requests")]
    public FunctionResources? Requests { get; init; }

    [JsonPropertyName("readOnlyRootFilesystem")]
    public bool? ReadOnlyRootFilesystem { get; init; }

    // As Go reads a null among texts.
    internal static IReadOnlyDictionary<string, string>? Texts(IReadOnlyDictionary<string, string>? given) =>
        given?.Any(entry => entry.Value is null) == true ? given.ToDictionary(entry => entry.Key, entry => entry.Value ?? "") : given;
}
