using System.Text.Json.Serialization;
using Connectors.Provider.Contracts;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.State;

/// <summary>A deployed function as it lies on disk.</summary>
internal sealed record FunctionDefinition
{
    [JsonPropertyName("deployment")]
    public required FunctionDeployment Deployment { get; init; }

    [JsonPropertyName("createdAt")]
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>How many replicas somebody asked for; 0 until the next call.</summary>
    [JsonPropertyName("replicas")]
    public ulong Replicas { get; init; } = 1;

    [JsonIgnore]
    public FunctionName Name => new(Deployment.Service, Deployment.Namespace!);
}

[JsonSerializable(typeof(FunctionDefinition))]
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, WriteIndented = true)]
internal sealed partial class DefinitionJson : JsonSerializerContext;
