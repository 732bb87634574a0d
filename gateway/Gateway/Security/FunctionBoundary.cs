using System.Collections.Frozen;

namespace Connectors.Gateway.Security;

/// <summary>
/// Functions share the page's host name, and must not come near an operator's session: none gets, sets or clears its cookie, a viewer's session calls none, and what a
/// function answers to a browser that has the cookie, in a frame, or to a form of another site, is shown as a document of no origin, whose scripts can ask nothing in
/// the operator's name. None installs a service worker, whose documents were opened before a login: it would stay, and answer for the page. What a browser keeps of an
/// answer counts only for requests that are alike in what is looked at here: kept from before a login it would be of the page's origin after it. And none has errors of
/// this host reported to it. What the gateway says itself, but for the page's files, has no origin either: a function's document that has one might open it as a window,
/// and ask there what it cannot ask from within a frame.
/// </summary>
internal sealed class FunctionBoundary(PageSessions sessions, Acts acts)
{
    private const string Sandbox = "sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads";

    // Of what the gateway says itself: text and JSON.
    private const string Closed = "sandbox";

    // A frame of another site is sent no cookie, but the windows that it opens are.
    private static readonly FrozenSet<string> Frames = FrozenSet.Create(StringComparer.OrdinalIgnoreCase, "iframe", "frame", "embed", "object", "fencedframe");

    // By what it is decided whether a document has an origin.
    private static readonly string[] LookedAt = ["Cookie", "Origin", "Sec-Fetch-Dest", "Sec-Fetch-Site"];

    public Task InvokeAsync(HttpContext http, RequestDelegate next)
    {
        if (!sessions.IsOn)
        {
            return next(http);
        }

        if (!IsFunction(http.Request.Path))
        {
            http.Response.OnStarting(static answer => CloseAsync((IHeaderDictionary)answer), http.Response.Headers);
            return next(http);
        }

        var headers = http.Request.Headers;
        if (headers["Service-Worker"].ToString().Equals("script", StringComparison.OrdinalIgnoreCase))
        {
            return Answer.TextAsync(http, StatusCodes.Status403Forbidden, "Functions share a host name with the gateway's page: none of them installs a service worker there.");
        }

        http.Response.OnStarting(static answer => TakeAsync((IHeaderDictionary)answer), http.Response.Headers);
        return headers.Cookie.Count == 0 && headers.Origin.Count == 0 && !IsFrame(http.Request) ? next(http) : GuardAsync(http, next);
    }

    private async Task GuardAsync(HttpContext http, RequestDelegate next)
    {
        var session = sessions.Of(http);
        if (SessionCookie.IsIn(http.Request.Headers) || IsFrame(http.Request) || (http.Request.Headers.Origin.Count > 0 && SystemGuard.IsForeign(http.Request)))
        {
            http.Response.OnStarting(() =>
            {
                http.Response.Headers.Append("Content-Security-Policy", Sandbox);
                return Task.CompletedTask;
            });
        }

        SessionCookie.TakeFrom(http.Request.Headers);
        if (session is { Role: PageRole.Viewer } && !SystemGuard.IsSafe(http.Request))
        {
            await Answer.TextAsync(http, StatusCodes.Status403Forbidden, SystemGuard.ViewersLook);
            return;
        }

        var isAct = session is not null && SystemGuard.IsMarked(http.Request) && (!SystemGuard.IsSafe(http.Request) || http.Request.Path.StartsWithSegments("/function"));
        await (isAct ? acts.WatchAsync(http, next) : next(http));
    }

    private static bool IsFunction(PathString path) => path.StartsWithSegments("/function") || path.StartsWithSegments("/async-function");

    // Within a page of this origin: that page is the gateway's own, or a function's that has the origin already.
    private static bool IsFrame(HttpRequest request) => Frames.Contains(request.Headers["Sec-Fetch-Dest"].ToString()) && request.Headers["Sec-Fetch-Site"] != "same-origin";

    private static Task CloseAsync(IHeaderDictionary answer)
    {
        // The page's files say themselves what may be done with them.
        if (answer.ContentSecurityPolicy.Count == 0)
        {
            answer.ContentSecurityPolicy = Closed;
        }

        return Task.CompletedTask;
    }

    private static Task TakeAsync(IHeaderDictionary answer)
    {
        answer.Remove("Clear-Site-Data");
        answer.Remove("Service-Worker-Allowed");
        answer.Remove("NEL");
        answer.Remove("Report-To");
        if (answer.CacheControl.Count + answer.Expires.Count + answer.LastModified.Count + answer.ETag.Count > 0)
        {
            answer.AppendCommaSeparatedValues("Vary", LookedAt);
        }

        if (answer.SetCookie.Count > 0 && answer.SetCookie.Any(SessionCookie.IsOne))
        {
            answer.SetCookie = answer.SetCookie.Where(cookie => !SessionCookie.IsOne(cookie)).ToArray();
        }

        return Task.CompletedTask;
    }
}
