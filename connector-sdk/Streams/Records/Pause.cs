using System.Text.Json;
using System.Text.Json.Serialization;
using Connectors.Sdk.Invocation;

namespace Connectors.Streams.Records;

/// <summary>
/// The wish that no call of a queue, or of one function in it, is started: a value of the bucket <c>OF_paused</c>. Accepting goes on, and no call that waits for
/// the end of a pause uses an attempt for it.
/// </summary>
public sealed record Pause
{
    private const string Prefix = "paused";

    /// <summary>Why, in its author's words; empty for no reason given.</summary>
    [JsonPropertyName("reason")]
    public string Reason { get; set; } = "";

    /// <summary>Who wanted it.</summary>
    [JsonPropertyName("by")]
    public string By { get; set; } = "";

    /// <summary>When it began.</summary>
    [JsonPropertyName("at")]
    public required DateTimeOffset At { get; init; }

    /// <summary>Keys of a newer writer.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }

    /// <summary>The bucket's key of a queue's pause, or of one function's in it.</summary>
    public static string Key(string queue, FunctionName? function) =>
        function is { } one ? $"{Prefix}.{queue}.{StreamNames.Token(one.Namespace)}.{StreamNames.Token(one.Name)}" : $"{Prefix}.{queue}";

    /// <summary>What a key names; null for one that is no pause's.</summary>
    public static (string Queue, FunctionName? Function)? OfKey(string key) => key.Split('.') switch
    {
        [Prefix, var queue] => (queue, null),
        [Prefix, var queue, var ns, var name] when StreamNames.FromToken(ns) is { } space && StreamNames.FromToken(name) is { } function => (queue, new FunctionName(function, space)),
        _ => null,
    };

    /// <summary>Writes the bucket's value.</summary>
    public byte[] Encode() => JsonSerializer.SerializeToUtf8Bytes(this, RecordJson.Default.Pause);

    /// <summary>Reads a value. Whatever stands there, it is a pause: of one that cannot be read, only when it was stored is known.</summary>
    public static Pause Decode(byte[] value, DateTimeOffset stored) =>
        RecordJson.TryRead(System.Text.Encoding.UTF8.GetString(value), RecordJson.Default.Pause) ?? new Pause { At = stored };
}
