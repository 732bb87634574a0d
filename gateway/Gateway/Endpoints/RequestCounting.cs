namespace Connectors.Gateway.Endpoints;

/// <summary>Counts and times requests of <c>/system/</c> and <c>/async-function/</c>, by the part of their path that is no caller's choice.</summary>
internal sealed class RequestCounting(GatewayOptions options, TimeProvider time)
{
    private static readonly string[] Counted =
    [
        "/async-function", "/system/functions", "/system/function", "/system/scale-function", "/system/info", "/system/namespaces", "/system/namespace", "/system/secrets",
        "/system/logs", "/system/telemetry",
    ];

    private static readonly string[] Verbs = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

    public Task InvokeAsync(HttpContext http, RequestDelegate next) => PathOf(http.Request.Path) is { } path ? CountAsync(http, next, path) : next(http);

    private static string? PathOf(PathString asked)
    {
        if (asked.Value is not { } path || !(path.StartsWith("/system/", StringComparison.OrdinalIgnoreCase) || path.StartsWith("/async-function", StringComparison.OrdinalIgnoreCase)))
        {
            return null;
        }

        foreach (var counted in Counted)
        {
            if (asked.StartsWithSegments(counted))
            {
                return counted;
            }
        }

        return null;
    }

    private async Task CountAsync(HttpContext http, RequestDelegate next, string path)
    {
        var started = time.GetTimestamp();
        try
        {
            await next(http);
        }
        finally
        {
            var verb = Verbs.Contains(http.Request.Method) ? http.Request.Method : "other";
            var took = time.GetElapsedTime(started);
            Metrics.HttpAnswered(verb, path, http.Response.StatusCode, took);
            if (options.ProviderUrl is null && path.StartsWith("/system/", StringComparison.Ordinal))
            {
                Metrics.ProviderAnswered(verb, path, http.Response.StatusCode, took);
            }
        }
    }
}
