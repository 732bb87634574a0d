using System.Text.Json.Serialization;

namespace Connectors.Provider.Contracts;

/// <summary>What a function asks of its machine.</summary>
public sealed record FunctionResources
{
    [JsonPropertyName("memory")]
    public string? Memory { get; init; }

    [JsonPropertyName("cpu")]
    public string? Cpu { get; init; }

    [JsonExtensionData]
    public IDictionary<string, System.Text.Json.JsonElement>? Devices { get; set; }
}
