using System.Text.Json;
using Connectors.Gateway.Security;
using Microsoft.AspNetCore.Http.Features;

namespace Connectors.Gateway.Page;

/// <summary>Who is there, login and logout: <c>/ui/session</c>.</summary>
internal sealed class LoginEndpoints(PageSessions sessions, ILogger<LoginEndpoints> log)
{
    private const int MaxBytes = 4096;

    /// <summary>401 for nobody; without basic auth everybody is an operator.</summary>
    public Task ShowAsync(HttpContext http)
    {
        http.Response.Headers.CacheControl = "no-store";
        return !sessions.IsOn
            ? TellAsync(http, new SessionView("", nameof(PageRole.Operator).ToLowerInvariant(), null))
            : sessions.Of(http) is { } session
                ? TellAsync(http, session)
                : Answer.TextAsync(http, StatusCodes.Status401Unauthorized, "Nobody is logged in.");
    }

    public async Task BeginAsync(HttpContext http)
    {
        if (!IsOurs(http.Request))
        {
            await Answer.TextAsync(http, StatusCodes.Status403Forbidden, "Only the gateway's own page logs in here.");
            return;
        }

        if (!sessions.IsOn || await ReadAsync(http) is not { User: { } user, Password: { } password })
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, sessions.IsOn ? "A JSON object is needed: user, password." : "basic_auth is off: there is nothing to log in to.");
            return;
        }

        if (!sessions.TryBegin(http, user, password))
        {
            Metrics.LoggedIn(isRight: false);
            Log.LoginRefused(log, user.Length > 64 ? user[..64] : user, http.Connection.RemoteIpAddress?.ToString() ?? "");
            await Answer.TextAsync(http, StatusCodes.Status401Unauthorized, "Name or password is wrong.");
            return;
        }

        var session = http.Features.Get<PageSession>()!; // It was begun.
        Metrics.LoggedIn(isRight: true);
        Log.LoggedIn(log, session.User, session.Role.ToString());
        await TellAsync(http, session);
    }

    public static Task EndAsync(HttpContext http)
    {
        if (!IsOurs(http.Request))
        {
            return Answer.TextAsync(http, StatusCodes.Status403Forbidden, "Only the gateway's own page logs out here.");
        }

        PageSessions.End(http);
        http.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    private static bool IsOurs(HttpRequest request) => SystemGuard.IsMarked(request) && !SystemGuard.IsForeign(request);

    private static Task TellAsync(HttpContext http, PageSession session) =>
        TellAsync(http, new SessionView(session.User, session.Role.ToString().ToLowerInvariant(), session.Until.UtcDateTime));

    private static Task TellAsync(HttpContext http, SessionView view) => Answer.JsonAsync(http, StatusCodes.Status200OK, view, PageJson.Default.SessionView);

    private static async Task<LoginRequest?> ReadAsync(HttpContext http)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = MaxBytes;
        }

        try
        {
            return await JsonSerializer.DeserializeAsync(http.Request.Body, PageJson.Default.LoginRequest, http.RequestAborted);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>Who is there.</summary>
/// <param name="User">The name; empty where nobody has to log in.</param>
/// <param name="Role"><c>operator</c> or <c>viewer</c>.</param>
/// <param name="Until">When the session ends; null for never.</param>
internal sealed record SessionView(string User, string Role, DateTime? Until);

/// <summary>A login.</summary>
internal sealed record LoginRequest(string? User, string? Password);
