using Connectors.Sdk.Hosting;
using Microsoft.AspNetCore.Http.Features;

namespace Connectors.Gateway.Security;

/// <summary>Who may use <c>/system/</c> and how: credentials, no foreign web page, no form that looks like JSON.</summary>
internal sealed class SystemGuard(GatewayOptions options, GatewayCredentials credentials, PageSessions sessions, Acts acts)
{
    public const string ViewersLook = "A viewer may look, and change nothing.";

    // What a page of another site cannot send without being asked about it first. The gateway's own page sends it with each request.
    private const string PageHeader = "X-Connectors-Page";

    // A browser's is scheme, host and port.
    private const int MaxOrigin = 1024;

    public Task InvokeAsync(HttpContext http, RequestDelegate next) => http.Request.Path.StartsWithSegments("/system") ? GuardAsync(http, next) : next(http);

    private async Task GuardAsync(HttpContext http, RequestDelegate next)
    {
        if (IsForeign(http.Request))
        {
            await Answer.TextAsync(http, StatusCodes.Status403Forbidden, "Requests of other sites' pages are refused.");
            return;
        }

        if (options.BasicAuth && !await AdmitsAsync(http))
        {
            return;
        }

        if (HasForeignBody(http.Request))
        {
            await Answer.TextAsync(http, StatusCodes.Status415UnsupportedMediaType, "Content-Type: application/json is needed.");
            return;
        }

        await (IsSafe(http.Request) ? next(http) : acts.WatchAsync(http, next));
    }

    /// <summary>Whether a request carries the gateway's credentials, or belongs to a session that may do this; if not, it is answered.</summary>
    public async Task<bool> AdmitsAsync(HttpContext http)
    {
        if (BasicCredentials.Match(http.Request.Headers.Authorization, credentials))
        {
            return true;
        }

        if (sessions.Of(http) is not { } session)
        {
            await RefuseAsync(http);
            return false;
        }

        if (IsSafe(http.Request) || (session.Role == PageRole.Operator && IsMarked(http.Request)))
        {
            return true;
        }

        await Answer.TextAsync(http, StatusCodes.Status403Forbidden, session.Role == PageRole.Viewer ? ViewersLook : $"With a session, what changes something needs the header {PageHeader}.");
        return false;
    }

    /// <summary>Whether it is the gateway's own page that asks.</summary>
    public static bool IsMarked(HttpRequest request) => request.Headers.ContainsKey(PageHeader);

    /// <summary>Whether a request changes nothing.</summary>
    public static bool IsSafe(HttpRequest request) => HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) || HttpMethods.IsOptions(request.Method);

    private Task RefuseAsync(HttpContext http)
    {
        // A browser would ask by itself, and send what it is told with every request of this host from then on: those too that a function's document makes.
        // The page has a form of its own.
        if (!sessions.IsOn || !IsOfBrowser(http.Request))
        {
            http.Response.Headers.WWWAuthenticate = "Basic realm=\"Restricted\"";
        }

        return Answer.TextAsync(http, StatusCodes.Status401Unauthorized, "invalid credentials");
    }

    private static bool IsOfBrowser(HttpRequest request) =>
        IsMarked(request) || request.Headers.ContainsKey("Sec-Fetch-Site") || request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether it is another site's page that asks: a browser says which page a request came from; tools say nothing, and may pass.</summary>
    public static bool IsForeign(HttpRequest request)
    {
        // The browser's own word, which no page can set. Origin names the host that the browser sees, and a proxy may put another one into Host.
        var site = request.Headers["Sec-Fetch-Site"].ToString();
        if (site.Length > 0)
        {
            return site is not ("same-origin" or "none");
        }

        var origin = request.Headers.Origin.ToString();
        return origin.Length > 0 && !(origin.Length <= MaxOrigin && Uri.TryCreate(origin, UriKind.Absolute, out var page) && page.Authority.Equals(request.Host.Value, StringComparison.OrdinalIgnoreCase));
    }

    // A page can post a form anywhere, but not as application/json without asking first. faas-cli sends no type, and is no page.
    // What has no body needs no type: browsers name the page in Origin with it.
    private static bool HasForeignBody(HttpRequest request)
    {
        var mayHaveBody = request.HttpContext.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody ?? true;
        var isJson = request.ContentType?.Split(';')[0].Trim().Equals("application/json", StringComparison.OrdinalIgnoreCase) == true;
        return mayHaveBody && !isJson && !request.Headers.UserAgent.ToString().StartsWith("faas-cli", StringComparison.OrdinalIgnoreCase);
    }
}
