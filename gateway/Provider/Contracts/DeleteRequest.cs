using System.Text.Json.Serialization;

namespace Connectors.Provider.Contracts;

/// <summary>Which function is to go.</summary>
public sealed record DeleteRequest
{
    [JsonPropertyName("functionName")]
    public string FunctionName { get; init => field = value ?? ""; } = "";

    [JsonPropertyName("namespace")]
    public string? Namespace { get; init; }
}
