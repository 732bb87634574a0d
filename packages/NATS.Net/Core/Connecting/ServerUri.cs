namespace NATS.Client.Core;

/// <summary>Address of one server, as given or as another server told it.</summary>
internal sealed record ServerUri(string Host, int Port, bool IsTls)
{
    private const int DefaultPort = 4222;

    public static ServerUri Parse(string text)
    {
        var uri = ToUri(text);
        return new ServerUri(uri.Host.Trim('[', ']'), uri.Port > 0 ? uri.Port : DefaultPort, uri.Scheme == "tls");
    }

    /// <summary>User and password, or a token, from the address.</summary>
    public static (string? User, string? Password) UserInfo(string text)
    {
        var parts = ToUri(text).UserInfo.Split(':', 2);
        return parts switch
        {
            [""] => (null, null),
            [var token] => (Uri.UnescapeDataString(token), null),
            _ => (Uri.UnescapeDataString(parts[0]), Uri.UnescapeDataString(parts[1])),
        };
    }

    public override string ToString() => $"{(IsTls ? "tls" : "nats")}://{(Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host)}:{Port}";

    private static Uri ToUri(string text)
    {
        var trimmed = text.Trim();
        var full = trimmed.Contains("://", StringComparison.Ordinal) ? trimmed : $"nats://{trimmed}";
        if (!Uri.TryCreate(full, UriKind.Absolute, out var uri) || uri.Host.Length == 0)
            throw new ArgumentException($"'{text}' is not the address of a server");
        if (uri.Scheme is not ("nats" or "tls"))
            throw new ArgumentException($"unsupported scheme {uri.Scheme} in nats URL {trimmed}");
        return uri;
    }
}
