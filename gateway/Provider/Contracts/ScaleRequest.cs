using System.Text.Json.Serialization;

namespace Connectors.Provider.Contracts;

/// <summary>How many replicas a function is to have.</summary>
public sealed record ScaleRequest
{
    [JsonPropertyName("serviceName")]
    public string ServiceName { get; init => field = value ?? ""; } = "";

    [JsonPropertyName("replicas")]
    public ulong? Replicas { get; init; }

    [JsonPropertyName("namespace")]
    public string? Namespace { get; init; }
}
