using System.Text.Json.Serialization;

namespace Connectors.Provider.Contracts;

/// <summary>What a function uses of its machine, all replicas together.</summary>
/// <param name="Cpu">Thousandths of a core.</param>
/// <param name="TotalMemoryBytes">Resident memory.</param>
public sealed record FunctionUsage(
    [property: JsonPropertyName("cpu")] double? Cpu,
    [property: JsonPropertyName("totalMemoryBytes")] double? TotalMemoryBytes);
