using System.Text.Json;
using System.Text.Json.Serialization;
using Connectors.Sdk.Invocation;

namespace Connectors.Streams.Records;

/// <summary>
/// A function that could not be reached so often that its calls wait: a value of the bucket <c>OF_paused</c>, beside the pauses that people make. Whoever
/// replaces it with the next time of a probe may send one call.
/// </summary>
public sealed record OpenBreaker
{
    private const string Prefix = "breaker";

    /// <summary>What the last call met.</summary>
    [JsonPropertyName("reason")]
    public string Reason { get; set; } = "";

    /// <summary>When it opened.</summary>
    [JsonPropertyName("at")]
    public required DateTimeOffset At { get; init; }

    /// <summary>When the next call is sent to see whether the function can be reached.</summary>
    [JsonPropertyName("probeAt")]
    public DateTimeOffset ProbeAt { get; init; }

    /// <summary>The wait before that probe.</summary>
    [JsonPropertyName("wait"), JsonConverter(typeof(GoDurationJson))]
    public TimeSpan Wait { get; init; }

    /// <summary>The longest wait.</summary>
    [JsonPropertyName("maxWait"), JsonConverter(typeof(GoDurationJson))]
    public TimeSpan MaxWait { get; init; }

    /// <summary>Keys of a newer writer.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }

    /// <summary>The same with the time of the probe after the next: twice as far ahead, within bounds.</summary>
    public OpenBreaker Probed(DateTimeOffset now)
    {
        var wait = Wait * 2 < MaxWait ? Wait * 2 : MaxWait > Wait ? MaxWait : Wait;
        return this with { Wait = wait, ProbeAt = now + wait };
    }

    /// <summary>
    /// The same after a probe that said nothing, for it was not sent: the next is due at once, and the wait after that is what it would have been. From a bound
    /// wait nobody knows the one before it; half of it grows to the bound again.
    /// </summary>
    public OpenBreaker Released(DateTimeOffset now) => this with { Wait = Wait > MaxWait ? Wait : Wait / 2, ProbeAt = now };

    /// <summary>
    /// When the probe is due for somebody who heard of it a while ago, whatever the clocks said: one that was ahead when it was written or heard makes it no
    /// later than the wait that was meant.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="heard">How long ago it was heard of, by a clock that is never set.</param>
    public DateTimeOffset DueAt(DateTimeOffset now, TimeSpan heard)
    {
        var latest = now + Wait - heard;
        return ProbeAt < latest ? ProbeAt : latest;
    }

    /// <summary>The bucket's key of a function's breaker.</summary>
    public static string Key(string queue, FunctionName function) => $"{Prefix}.{queue}.{StreamNames.Token(function.Namespace)}.{StreamNames.Token(function.Name)}";

    /// <summary>What a key names; null for one that is no breaker's.</summary>
    public static (string Queue, FunctionName Function)? OfKey(string key) => key.Split('.') switch
    {
        [Prefix, var queue, var ns, var name] when StreamNames.FromToken(ns) is { } space && StreamNames.FromToken(name) is { } function => (queue, new FunctionName(function, space)),
        _ => null,
    };

    /// <summary>Writes the bucket's value.</summary>
    public byte[] Encode() => JsonSerializer.SerializeToUtf8Bytes(this, RecordJson.Default.OpenBreaker);

    /// <summary>Reads a value; null for what is none.</summary>
    public static OpenBreaker? TryDecode(byte[]? value) => RecordJson.TryRead(value is null ? null : System.Text.Encoding.UTF8.GetString(value), RecordJson.Default.OpenBreaker);
}

/// <summary>What a function's <c>com.openfaas.breaker.*</c> annotations asked for when the call was accepted; null leaves the worker's default.</summary>
public sealed record BreakerSettings
{
    /// <summary>Calls in a row that do not reach the function, after which its calls wait; 0 for never.</summary>
    [JsonPropertyName("failures")]
    public int? Failures { get; init; }

    /// <summary>Wait before the first probe.</summary>
    [JsonPropertyName("minWait"), JsonConverter(typeof(GoDurationJson))]
    public TimeSpan? MinWait { get; init; }

    /// <summary>Longest wait between probes.</summary>
    [JsonPropertyName("maxWait"), JsonConverter(typeof(GoDurationJson))]
    public TimeSpan? MaxWait { get; init; }

    /// <summary>Keys of a newer writer.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}
