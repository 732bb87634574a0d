using System.Text.Json;
using System.Text.Json.Serialization;

namespace Connectors.Provider.Contracts;

/// <summary>What a function asks of its machine.</summary>
public sealed record FunctionResources
{
    [JsonPropertyName("memory"), JsonConverter(typeof(AmountJson))]
    public string? Memory { get; init; }

    [JsonPropertyName("cpu"), JsonConverter(typeof(AmountJson))]
    public string? Cpu { get; init; }

    [JsonPropertyName("nvidia.com/gpu"), JsonConverter(typeof(AmountJson))]
    public string? NvidiaGpu { get; init; }

    [JsonPropertyName("amd.com/gpu"), JsonConverter(typeof(AmountJson))]
    public string? AmdGpu { get; init; }

    [JsonPropertyName("intel.com/gpu"), JsonConverter(typeof(AmountJson))]
    public string? IntelGpu { get; init; }

    /// <summary>Open files of a process; the embedded provider's own.</summary>
    [JsonPropertyName("files"), JsonConverter(typeof(AmountJson))]
    public string? Files { get; init; }

    /// <summary>Processes of the function's user; the embedded provider's own.</summary>
    [JsonPropertyName("processes"), JsonConverter(typeof(AmountJson))]
    public string? Processes { get; init; }

    /// <summary>What it asks of GPUs, for people to read; empty for nothing.</summary>
    [JsonIgnore]
    public string Gpus => string.Join(
        ", ",
        from gpu in new (string Name, string? Amount)[] { ("nvidia.com/gpu", NvidiaGpu), ("amd.com/gpu", AmdGpu), ("intel.com/gpu", IntelGpu) }
        where !string.IsNullOrEmpty(gpu.Amount)
        select $"{gpu.Name}={gpu.Amount}");
}

/// <summary>An amount, written as text; a bare number is taken for its text.</summary>
internal sealed class AmountJson : JsonConverter<string>
{
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType switch
    {
        JsonTokenType.Number => JsonElement.ParseValue(ref reader).GetRawText(),
        JsonTokenType.String => reader.GetString(),
        _ => throw new JsonException(),
    };

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);
}
