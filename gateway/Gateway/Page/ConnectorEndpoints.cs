using System.Collections.Concurrent;
using System.Text.Json;
using Connectors.Gateway.Security;
using Microsoft.AspNetCore.Http.Features;

namespace Connectors.Gateway.Page;

/// <summary>What connectors say of themselves: the last report of each replica, in memory, until it is two minutes old.</summary>
internal sealed class ConnectorEndpoints(TimeProvider time)
{
    private const int MaxBytes = 512 * 1024;
    private const int MaxReports = 200;
    private const int MaxName = 200;

    private static readonly TimeSpan Fresh = TimeSpan.FromMinutes(2);

    private readonly ConcurrentDictionary<(string Connector, string Instance), ConnectorView> _latest = new();

    public async Task TakeAsync(HttpContext http)
    {
        Acts.NoAct(http);
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = MaxBytes;
        }

        if (await ReadAsync(http) is not { Connector: { Length: > 0 and <= MaxName } connector, Instance: { Length: > 0 and <= MaxName } instance, Metrics: { } metrics })
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, $"A JSON object is needed: connector and instance, up to {MaxName} characters each, and metrics.");
            return;
        }

        Forget();
        if (_latest.Count >= MaxReports && !_latest.ContainsKey((connector, instance)))
        {
            await Answer.TextAsync(http, StatusCodes.Status503ServiceUnavailable, $"{MaxReports} connectors already report here.");
            return;
        }

        _latest[(connector, instance)] = new ConnectorView(connector, instance, time.GetUtcNow().UtcDateTime, metrics);
        http.Response.StatusCode = StatusCodes.Status202Accepted;
    }

    public Task ListAsync(HttpContext http)
    {
        Forget();
        IReadOnlyList<ConnectorView> all = [.. _latest.Values.OrderBy(view => view.Connector, StringComparer.Ordinal).ThenBy(view => view.Instance, StringComparer.Ordinal)];
        return Answer.JsonAsync(http, StatusCodes.Status200OK, all, PageJson.Default.IReadOnlyListConnectorView);
    }

    private void Forget()
    {
        foreach (var (key, view) in _latest)
        {
            if (time.GetUtcNow().UtcDateTime - view.At > Fresh)
            {
                _latest.TryRemove(key, out _);
            }
        }
    }

    private static async Task<ReportedConnector?> ReadAsync(HttpContext http)
    {
        try
        {
            return await JsonSerializer.DeserializeAsync(http.Request.Body, PageJson.Default.ReportedConnector, http.RequestAborted);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>A report as it comes in.</summary>
internal sealed record ReportedConnector(string? Connector, string? Instance, string? Metrics);

/// <summary>A connector's last report.</summary>
/// <param name="Connector">The connector's name.</param>
/// <param name="Instance">Which replica.</param>
/// <param name="At">When it was taken in.</param>
/// <param name="Metrics">Samples in Prometheus's text format.</param>
internal sealed record ConnectorView(string Connector, string Instance, DateTime At, string Metrics);
