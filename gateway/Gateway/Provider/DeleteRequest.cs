using System.Text.Json.Serialization;

namespace Connectors.Gateway.Provider;

/// <summary>Which function is to go.</summary>
internal sealed record DeleteRequest
{
    [JsonPropertyName("functionName")]
    public string FunctionName { get; init; } = "";

    [JsonPropertyName("namespace")]
    public string? Namespace { get; init; }
}
