using System.Text.Json.Serialization;

namespace Connectors.Gateway.Provider;

/// <summary>What a deploy asks for.</summary>
internal sealed record FunctionDeployment : FunctionSpec
{
    [JsonPropertyName("service"), JsonPropertyOrder(-9)]
    public string Service { get; init; } = "";
}
