using System.Text.Json.Serialization;

namespace Connectors.Gateway.Enqueueing;

/// <summary>A stream's answer to a publish, as JetStream writes it.</summary>
internal sealed record StreamAck
{
    [JsonPropertyName("stream")]
    public string? Stream { get; init; }

    [JsonPropertyName("duplicate")]
    public bool Duplicate { get; init; }

    [JsonPropertyName("error")]
    public StreamError? Error { get; init; }
}

/// <summary>Why a stream refused.</summary>
internal sealed record StreamError
{
    [JsonPropertyName("code")]
    public int Code { get; init; }

    [JsonPropertyName("err_code")]
    public int ErrCode { get; init; }

    [JsonPropertyName("description")]
    public string Description { get; init; } = "";

    /// <summary>Whether a moment's wait may help: no leader yet, or the server is busy. A full stream does not empty in a moment.</summary>
    [JsonIgnore]
    public bool MayPass => ErrCode is NoSpace or MaxMessages or MaxBytes or MessageTooLarge ? false : Code is 503 or 408;

    private const int NoSpace = 10023;
    private const int MaxMessages = 10077;
    private const int MaxBytes = 10122;
    private const int MessageTooLarge = 10054;
}

[JsonSerializable(typeof(StreamAck))]
internal sealed partial class StreamAckJson : JsonSerializerContext;
