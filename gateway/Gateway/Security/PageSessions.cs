using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Connectors.Sdk.Hosting;

namespace Connectors.Gateway.Security;

/// <summary>
/// Who is logged in on the page. Nothing is kept here: a session is a cookie with the user and an end, signed with a key made of that user's own password. So it
/// is good with every replica and after a restart, and a changed password or a viewer who was struck off the list ends it.
/// </summary>
internal sealed class PageSessions(GatewayOptions options, GatewayCredentials credentials, TimeProvider time)
{
    /// <summary>Secret with a line name:password for each viewer.</summary>
    public const string ViewersFile = "ui_viewers";

    private const int MaxLength = 1024;

    // A browser has one, and one more for each wider domain and longer path that somebody else has set it for.
    private const int MaxTried = 8;

    private readonly SecretFile _viewers = new(Path.Combine(options.Service.SecretMountPath, ViewersFile));

    /// <summary>Whether there are sessions: without basic auth everybody may do everything anyway.</summary>
    public bool IsOn { get; } = options.Page.IsOn && options.BasicAuth;

    /// <summary>Logs in. False, after as long a comparison, for any other name or password.</summary>
    public bool TryBegin(HttpContext http, string user, string password)
    {
        var known = Find(user);
        var isRight = CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(password)), SHA256.HashData(Encoding.UTF8.GetBytes(known?.Password ?? "")));
        if (known is null || !isRight)
        {
            return false;
        }

        var until = time.GetUtcNow() + options.Page.SessionLength;
        var text = Encoding.UTF8.GetBytes($"{until.ToUnixTimeSeconds()}\n{user}");
        http.Response.Cookies.Append(SessionCookie.NameFor(http.Request), $"{Base64Url.EncodeToString(text)}.{Base64Url.EncodeToString(Sign(known, text))}", Kept(http, until));
        http.Features.Set(new PageSession(user, known.Role, until));
        return true;
    }

    public static void End(HttpContext http) => http.Response.Cookies.Delete(SessionCookie.NameFor(http.Request), Kept(http, null));

    /// <summary>The session that a request belongs to; null for none, a forged or an ended one.</summary>
    public PageSession? Of(HttpContext http)
    {
        if (http.Features.Get<PageSession>() is { } known)
        {
            return known;
        }

        var session = Again(http);
        if (session is not null)
        {
            http.Features.Set(session);
        }

        return session;
    }

    /// <summary>The same as it is by now, for a request that lasts: its user may have got another password or been struck off meanwhile.</summary>
    public PageSession? Again(HttpContext http) =>
        IsOn ? SessionCookie.ValuesIn(http.Request).Where(cookie => cookie.Length <= MaxLength).Take(MaxTried).Select(Read).FirstOrDefault(session => session is not null) : null;

    private PageSession? Read(string cookie)
    {
        var dot = cookie.IndexOf('.', StringComparison.Ordinal);
        if (dot < 0 || Decode(cookie[..dot]) is not { } text || Decode(cookie[(dot + 1)..]) is not { } signature
            || Encoding.UTF8.GetString(text).Split('\n', 2) is not [var end, var user]
            || !long.TryParse(end, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            || Find(user) is not { } known
            || !CryptographicOperations.FixedTimeEquals(Sign(known, text), signature))
        {
            return null;
        }

        var until = DateTimeOffset.FromUnixTimeSeconds(seconds);
        return until > time.GetUtcNow() ? new PageSession(user, known.Role, until) : null;
    }

    private KnownUser? Find(string user)
    {
        if (credentials.User == user && credentials.Password is { } password)
        {
            return new KnownUser(password, PageRole.Operator);
        }

        // Lines of name:password; a password may hold colons.
        return (_viewers.Value ?? "").Split('\n', StringSplitOptions.TrimEntries)
            .Select(line => line.Split(':', 2))
            .Where(line => line is [var name, { Length: > 0 }] && name == user)
            .Select(line => new KnownUser(line[1], PageRole.Viewer))
            .FirstOrDefault();
    }

    private static byte[] Sign(KnownUser user, byte[] text) =>
        HMACSHA256.HashData(SHA256.HashData(Encoding.UTF8.GetBytes($"page session of a {user.Role}\n{user.Password}")), text);

    private static byte[]? Decode(string text)
    {
        try
        {
            return Base64Url.DecodeFromChars(text);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    // Lax and not strict: the gateway must see that a page of a function is opened in a browser that is logged in (FunctionBoundary), however it is opened.
    private static CookieOptions Kept(HttpContext http, DateTimeOffset? until) => new()
    {
        HttpOnly = true,
        SameSite = SameSiteMode.Lax,
        Secure = http.Request.IsHttps || http.Request.Headers["X-Forwarded-Proto"].ToString().StartsWith("https", StringComparison.OrdinalIgnoreCase),
        Path = "/",
        Expires = until,
    };

    private sealed record KnownUser(string Password, PageRole Role);
}

/// <summary>Somebody who is logged in.</summary>
/// <param name="User">The name.</param>
/// <param name="Role">What may be done.</param>
/// <param name="Until">When the session ends.</param>
internal sealed record PageSession(string User, PageRole Role, DateTimeOffset Until);

/// <summary>Who may do what on the page.</summary>
internal enum PageRole
{
    /// <summary>Looks at everything and changes nothing.</summary>
    Viewer,

    /// <summary>Has the gateway's own credentials.</summary>
    Operator,
}
