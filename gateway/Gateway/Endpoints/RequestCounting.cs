namespace Connectors.Gateway.Endpoints;

/// <summary>Counts and times requests of <c>/system/</c> and <c>/async-function/</c>, by the part of their path that is no caller's choice.</summary>
internal sealed class RequestCounting(GatewayOptions options, TimeProvider time)
{
    private const string Async = "/async-function";
    private const string Other = "/system";

    private static readonly string[] OfProvider =
    [
        "/system/functions", "/system/function", "/system/scale-function", "/system/info", "/system/namespaces", "/system/namespace", "/system/secrets", "/system/logs",
        "/system/telemetry",
    ];

    // What else is asked for below /system counts as that alone.
    private static readonly string[] Counted = [.. OfProvider, "/system/queues", "/system/calls", "/system/overview", "/system/connectors", Other];

    private static readonly string[] Verbs = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

    public Task InvokeAsync(HttpContext http, RequestDelegate next) => PathOf(http.Request) is { } path ? CountAsync(http, next, path) : next(http);

    private static string? PathOf(HttpRequest request)
    {
        var asked = request.Path;
        if (asked.StartsWithSegments(Async) || (asked.StartsWithSegments("/function") && InvokeEndpoint.IsAsync(request)))
        {
            return Async;
        }

        return asked.StartsWithSegments(Other) ? Array.Find(Counted, counted => asked.StartsWithSegments(counted)) : null;
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

            // What is followed lasts for as long as its reader likes.
            TimeSpan? took = Answer.IsAsItComes(http) ? null : time.GetElapsedTime(started);
            Metrics.HttpAnswered(verb, path, http.Response.StatusCode, took);
            if (options.ProviderUrl is null && OfProvider.Contains(path))
            {
                Metrics.ProviderAnswered(verb, path, http.Response.StatusCode, took);
            }
        }
    }
}
