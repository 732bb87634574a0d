namespace Connectors.Gateway.Endpoints;

/// <summary>Counts and times requests of <c>/system/</c> and <c>/async-function/</c>, by the part of their path that is no caller's choice.</summary>
internal sealed class RequestCounting(GatewayOptions options, TimeProvider time)
{
    private static readonly string[] Counted =
    [
        "/system/functions", "/system/function", "/system/scale-function", "/system/info", "/system/namespaces", "/system/namespace", "/system/secrets",
        "/system/logs", "/system/telemetry", "/async-function",
    ];

    private static readonly string[] Verbs = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

    public async Task InvokeAsync(HttpContext http, RequestDelegate next)
    {
        if (Counted.FirstOrDefault(path => http.Request.Path.StartsWithSegments(path)) is not { } path)
        {
            await next(http);
            return;
        }

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
