using System.Text.Json.Serialization;

namespace Connectors.Provider.Contracts;

/// <summary>What a deploy asks for.</summary>
public sealed record FunctionDeployment : FunctionSpec
{
    [JsonPropertyName("service"), JsonPropertyOrder(-9)]
    public string Service { get; init => field = value ?? ""; } = "";
}
