namespace Connectors.Gateway.Security;

/// <summary>
/// Functions share the page's host name, and must not come near an operator's session: none gets or sets its cookie, a viewer's session calls none, and what a function
/// answers to a browser that is logged in, or to a form of another site, is shown as a document of no origin, whose scripts can ask nothing in the operator's name.
/// </summary>
internal sealed class FunctionBoundary(PageSessions sessions, Acts acts)
{
    private const string Sandbox = "sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads";

    public Task InvokeAsync(HttpContext http, RequestDelegate next)
    {
        var headers = http.Request.Headers;
        return !sessions.IsOn || (headers.Cookie.Count == 0 && headers.Origin.Count == 0) || !IsFunction(http.Request.Path) ? next(http) : GuardAsync(http, next);
    }

    private async Task GuardAsync(HttpContext http, RequestDelegate next)
    {
        var session = sessions.Of(http);
        if (session is not null || SystemGuard.IsForeign(http.Request))
        {
            http.Response.OnStarting(() =>
            {
                http.Response.Headers.Append("Content-Security-Policy", Sandbox);
                http.Response.Headers.SetCookie = http.Response.Headers.SetCookie.Where(cookie => cookie?.StartsWith(PageSessions.CookieName + "=", StringComparison.Ordinal) != true).ToArray();
                return Task.CompletedTask;
            });
        }

        TakeCookie(http.Request.Headers);
        if (session is { Role: PageRole.Viewer } && !SystemGuard.IsSafe(http.Request))
        {
            await Answer.TextAsync(http, StatusCodes.Status403Forbidden, SystemGuard.ViewersLook);
            return;
        }

        var isAct = session is not null && SystemGuard.IsMarked(http.Request) && (!SystemGuard.IsSafe(http.Request) || http.Request.Path.StartsWithSegments("/function"));
        await (isAct ? acts.WatchAsync(http, next) : next(http));
    }

    private static bool IsFunction(PathString path) => path.StartsWithSegments("/function") || path.StartsWithSegments("/async-function");

    private static void TakeCookie(IHeaderDictionary headers)
    {
        if (!headers.Cookie.ToString().Contains(PageSessions.CookieName, StringComparison.Ordinal))
        {
            return;
        }

        var rest = headers.Cookie.SelectMany(line => (line ?? "").Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            .Where(pair => !pair.StartsWith(PageSessions.CookieName + "=", StringComparison.Ordinal))
            .ToList();
        headers.Cookie = rest.Count > 0 ? string.Join("; ", rest) : default(Microsoft.Extensions.Primitives.StringValues);
    }
}
