using System.Text.Json;
using System.Text.Json.Serialization;
using Connectors.Sdk.Invocation;

namespace Connectors.Streams.Records;

/// <summary>What a function's <c>com.openfaas.retry.*</c> annotations asked for when the call was accepted; null leaves the worker's default.</summary>
public sealed record RetrySettings
{
    /// <summary>Sends in all, the first included; below 1 counts as 1.</summary>
    [JsonPropertyName("attempts")]
    public int? Attempts { get; init; }

    /// <summary>HTTP statuses to retry.</summary>
    [JsonPropertyName("codes")]
    public IReadOnlyList<int>? Codes { get; init; }

    /// <summary>Wait before the second send.</summary>
    [JsonPropertyName("minWait"), JsonConverter(typeof(GoDurationJson))]
    public TimeSpan? MinWait { get; init; }

    /// <summary>Longest wait between sends.</summary>
    [JsonPropertyName("maxWait"), JsonConverter(typeof(GoDurationJson))]
    public TimeSpan? MaxWait { get; init; }

    /// <summary>Age after which the call expires instead of being sent; zero, as earlier gateways wrote it, counts as none.</summary>
    [JsonPropertyName("maxAge"), JsonConverter(typeof(GoDurationJson))]
    public TimeSpan? MaxAge { get; init; }

    /// <summary>Keys of a newer writer.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }

    /// <summary>The policy with what the annotations override.</summary>
    public RetryPolicy Over(RetryPolicy policy) => policy with
    {
        Attempts = Attempts is { } attempts ? Math.Max(1, attempts) : policy.Attempts,
        Codes = Codes?.ToHashSet() ?? policy.Codes,
        MinWait = MinWait ?? policy.MinWait,
        MaxWait = MaxWait ?? policy.MaxWait,
    };
}
