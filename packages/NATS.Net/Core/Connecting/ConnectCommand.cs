using System.Text.Json;
using System.Text.Json.Serialization;

namespace NATS.Client.Core;

/// <summary>The client's answer to the server's greeting.</summary>
internal sealed record ConnectCommand
{
    private static readonly JsonSerializerOptions Json = new() { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    [JsonPropertyName("verbose")]
    public bool Verbose { get; init; }

    [JsonPropertyName("pedantic")]
    public bool Pedantic { get; }

    [JsonPropertyName("tls_required")]
    public bool TlsRequired { get; init; }

    [JsonPropertyName("name")]
    public string? Name { get; init; }

    [JsonPropertyName("lang")]
    public string Language { get; } = ".NET";

    [JsonPropertyName("version")]
    public string Version { get; } = typeof(ConnectCommand).Assembly.GetName().Version?.ToString(3) ?? "0";

    /// <summary>1: the server may send INFO at any time.</summary>
    [JsonPropertyName("protocol")]
    public int Protocol { get; } = 1;

    [JsonPropertyName("echo")]
    public bool Echo { get; init; }

    [JsonPropertyName("headers")]
    public bool Headers { get; init; }

    [JsonPropertyName("no_responders")]
    public bool NoResponders { get; init; }

    [JsonPropertyName("user")]
    public string? User { get; init; }

    [JsonPropertyName("pass")]
    public string? Password { get; init; }

    [JsonPropertyName("auth_token")]
    public string? Token { get; init; }

    [JsonPropertyName("jwt")]
    public string? Jwt { get; init; }

    [JsonPropertyName("nkey")]
    public string? NKey { get; init; }

    [JsonPropertyName("sig")]
    public string? Signature { get; init; }

    public static ConnectCommand For(NatsOpts opts, ServerInfo info, bool tls)
    {
        var credentials = Credentials.Resolve(opts, info.Nonce);
        var headers = opts.Headers && info.HeadersSupported;
        return new ConnectCommand
        {
            Verbose = opts.Verbose,
            TlsRequired = tls,
            Name = opts.Name,
            Echo = opts.Echo,
            Headers = headers,
            NoResponders = headers,
            User = credentials.User,
            Password = credentials.Password,
            Token = credentials.Token,
            Jwt = credentials.Jwt,
            NKey = credentials.NKey,
            Signature = credentials.Signature,
        };
    }

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, Json);
}
