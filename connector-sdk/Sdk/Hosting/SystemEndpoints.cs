using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Connectors.Sdk.Hosting;

/// <summary><c>/metrics</c>, <c>/healthz</c> and <c>/readyz</c> on the metrics port.</summary>
public static class SystemEndpoints
{
    /// <summary>Answers requests of the metrics port; those of the API's port go on to the service's own endpoints.</summary>
    public static WebApplication MapSystemEndpoints(this WebApplication app)
    {
        var readiness = app.Services.GetRequiredService<Readiness>();
        app.Use((http, next) => http.Features.Get<MetricsListener>() is null ? next(http) : AnswerAsync(http, readiness));
        return app;
    }

    private static async Task AnswerAsync(HttpContext http, Readiness readiness)
    {
        var path = http.Request.Path.Value;
        if (path is "/metrics" or "/healthz" or "/readyz" && !HttpMethods.IsGet(http.Request.Method) && !HttpMethods.IsHead(http.Request.Method))
        {
            http.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            http.Response.Headers.Allow = "GET, HEAD";
            return;
        }

        await (path switch
        {
            "/metrics" => WriteMetricsAsync(http),
            "/healthz" => WriteTextAsync(http, StatusCodes.Status200OK, "OK"),
            "/readyz" when readiness.Unmet is { Count: > 0 } unmet => WriteTextAsync(http, StatusCodes.Status503ServiceUnavailable, string.Join('\n', unmet)),
            "/readyz" => WriteTextAsync(http, StatusCodes.Status200OK, "OK"),
            _ => WriteTextAsync(http, StatusCodes.Status404NotFound, "This port serves /metrics, /healthz and /readyz."),
        });
    }

    private static async Task WriteMetricsAsync(HttpContext http)
    {
        http.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        await using var buffer = new MemoryStream();
        await global::Prometheus.Metrics.DefaultRegistry.CollectAndExportAsTextAsync(buffer, http.RequestAborted);
        buffer.Position = 0;
        await buffer.CopyToAsync(http.Response.Body, http.RequestAborted);
    }

    private static Task WriteTextAsync(HttpContext http, int status, string text)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "text/plain; charset=utf-8";
        return HttpMethods.IsHead(http.Request.Method) ? Task.CompletedTask : http.Response.WriteAsync(text);
    }
}
