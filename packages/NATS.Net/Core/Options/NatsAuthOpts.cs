namespace NATS.Client.Core;

/// <summary>Who we are. The first of these that is set is used: credentials file, JWT with seed, nkey file, seed, token, user and password.</summary>
public record NatsAuthOpts
{
    public static readonly NatsAuthOpts Default = new();

    public string? Username { get; init; }

    public string? Password { get; init; }

    public string? Token { get; init; }

    public string? Jwt { get; init; }

    public string? NKey { get; init; }

    public string? Seed { get; init; }

    public string? CredsFile { get; init; }

    public string? NKeyFile { get; init; }

    public bool IsAnonymous =>
        string.IsNullOrEmpty(Username) && string.IsNullOrEmpty(Password) && string.IsNullOrEmpty(Token)
        && string.IsNullOrEmpty(Jwt) && string.IsNullOrEmpty(NKey) && string.IsNullOrEmpty(Seed)
        && string.IsNullOrEmpty(CredsFile) && string.IsNullOrEmpty(NKeyFile);
}
