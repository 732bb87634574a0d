using System.Text.Json.Serialization;

namespace Connectors.Provider.Contracts;

/// <summary>What a list tells of a function.</summary>
public sealed record FunctionStatus : FunctionSpec
{
    [JsonPropertyName("name"), JsonPropertyOrder(-9)]
    public string Name { get; init => field = value ?? ""; } = "";

    [JsonPropertyName("invocationCount")]
    public double? InvocationCount { get; init; }

    /// <summary>Null, as on the wire, for none.</summary>
    [JsonPropertyName("replicas")]
    public ulong? Replicas { get; init; }

    [JsonPropertyName("availableReplicas")]
    public ulong? AvailableReplicas { get; init; }

    /// <summary>Whether it comes from a list that names nobody's ready replicas: that this one has none in it says nothing then.</summary>
    [JsonIgnore]
    public bool IsReadinessUntold { get; init; }

    /// <summary>Replicas that are ready; null if nobody said.</summary>
    [JsonIgnore]
    public ulong? Ready => IsReadinessUntold ? AvailableReplicas : AvailableReplicas ?? 0;

    [JsonPropertyName("createdAt")]
    public DateTimeOffset CreatedAt { get; init; }

    [JsonPropertyName("usage")]
    public FunctionUsage? Usage { get; init; }
}
