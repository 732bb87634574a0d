using Connectors.Sdk.Hosting;
using Microsoft.AspNetCore.Http.Features;

namespace Connectors.Gateway.Security;

/// <summary>Who may use <c>/system/</c> and how: credentials, no foreign web page, no form that looks like JSON.</summary>
internal sealed class SystemGuard(GatewayOptions options, GatewayCredentials credentials)
{
    public Task InvokeAsync(HttpContext http, RequestDelegate next)
    {
        if (!http.Request.Path.StartsWithSegments("/system"))
        {
            return next(http);
        }

        if (IsForeign(http.Request))
        {
            return Answer.TextAsync(http, StatusCodes.Status403Forbidden, "Requests of other sites' pages are refused.");
        }

        if (options.BasicAuth && !Admits(http))
        {
            return RefuseAsync(http);
        }

        return HasForeignBody(http.Request)
            ? Answer.TextAsync(http, StatusCodes.Status415UnsupportedMediaType, "Content-Type: application/json is needed.")
            : next(http);
    }

    /// <summary>Whether a request carries the gateway's credentials.</summary>
    public bool Admits(HttpContext http) => BasicCredentials.Match(http.Request.Headers.Authorization, credentials);

    public static Task RefuseAsync(HttpContext http)
    {
        http.Response.Headers.WWWAuthenticate = "Basic realm=\"Restricted\"";
        return Answer.TextAsync(http, StatusCodes.Status401Unauthorized, "invalid credentials");
    }

    // A browser says which page a request came from; tools say nothing, and may pass.
    private static bool IsForeign(HttpRequest request)
    {
        var site = request.Headers["Sec-Fetch-Site"].ToString();
        if (site.Length > 0 && site is not ("same-origin" or "none"))
        {
            return true;
        }

        var origin = request.Headers.Origin.ToString();
        return origin.Length > 0 && !(Uri.TryCreate(origin, UriKind.Absolute, out var page) && page.Authority.Equals(request.Host.Value, StringComparison.OrdinalIgnoreCase));
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
