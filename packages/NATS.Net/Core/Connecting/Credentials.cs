namespace NATS.Client.Core;

/// <summary>What goes into CONNECT to say who we are.</summary>
internal sealed record Credentials
{
    public static readonly Credentials None = new();

    public string? User { get; init; }

    public string? Password { get; init; }

    public string? Token { get; init; }

    public string? Jwt { get; init; }

    public string? NKey { get; init; }

    public string? Signature { get; init; }

    /// <summary>Reads files anew each time, so that changed ones count at the next reconnect.</summary>
    public static Credentials Resolve(NatsOpts opts, string? nonce)
    {
        var auth = opts.AuthOpts;
        if (auth.CredsFile is { Length: > 0 } credsFile)
        {
            var (jwt, seed) = CredsFile.Read(credsFile);
            return Signed(seed, nonce) with { Jwt = jwt, NKey = null };
        }

        if (auth.Jwt is { Length: > 0 } token)
            return (auth.Seed is { Length: > 0 } seed ? Signed(seed, nonce) : None) with { Jwt = token, NKey = null };
        if (auth.NKeyFile is { Length: > 0 } nkeyFile)
        {
            var (seed, publicKey) = CredsFile.ReadNkey(nkeyFile);
            return Signed(seed, nonce) with { NKey = publicKey };
        }

        if (auth.Seed is { Length: > 0 } bareSeed)
            return Signed(bareSeed, nonce);
        if (auth.IsAnonymous)
            return FromUrl(opts.Url);
        return new Credentials { User = auth.Username, Password = auth.Password, Token = auth.Token };
    }

    private static Credentials Signed(string seed, string? nonce)
    {
        using var key = NKeySeed.Parse(seed);
        return new Credentials { NKey = key.PublicKey, Signature = nonce is null ? null : key.Sign(nonce) };
    }

    private static Credentials FromUrl(string url) => ServerUri.UserInfo(url.Split(',')[0]) switch
    {
        (null, _) => None,
        (var token, null) => new Credentials { Token = token },
        var (user, password) => new Credentials { User = user, Password = password },
    };
}
