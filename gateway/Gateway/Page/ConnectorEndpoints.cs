using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Connectors.Gateway.Security;
using Microsoft.AspNetCore.Http.Features;

namespace Connectors.Gateway.Page;

/// <summary>What connectors say of themselves: the last report of each replica, in memory, until it is two minutes old.</summary>
internal sealed partial class ConnectorEndpoints(TimeProvider time)
{
    private const int MaxBytes = 6 * 1024 * 1024;
    private const int MaxReports = 200;
    private const int MaxName = 200;

    // The year 9999 ends with it.
    private const double MaxSeconds = 253_402_300_799;

    private static readonly TimeSpan Fresh = TimeSpan.FromMinutes(2);

    private readonly ConcurrentDictionary<(string Connector, string Instance), Heard> _latest = new();

    /// <summary>When a function (<c>name.namespace</c>) is due next by its schedules, as the connectors told it; null for never.</summary>
    public DateTime? NextDue(string function) =>
        _latest.Values.Where(IsFresh).Select(heard => heard.Due.TryGetValue(function, out var at) ? at : (DateTime?)null).Min();

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

        _latest[(connector, instance)] = new Heard(new ConnectorView(connector, instance, time.GetUtcNow().UtcDateTime, metrics), DueTimes(metrics));
        http.Response.StatusCode = StatusCodes.Status202Accepted;
    }

    public Task ListAsync(HttpContext http)
    {
        Forget();
        IReadOnlyList<ConnectorView> all = [.. _latest.Values.Select(heard => heard.View).OrderBy(view => view.Connector, StringComparer.Ordinal).ThenBy(view => view.Instance, StringComparer.Ordinal)];
        return Answer.JsonAsync(http, StatusCodes.Status200OK, all, PageJson.Default.IReadOnlyListConnectorView);
    }

    private void Forget()
    {
        foreach (var (key, heard) in _latest)
        {
            if (!IsFresh(heard))
            {
                _latest.TryRemove(key, out _);
            }
        }
    }

    private bool IsFresh(Heard heard) => time.GetUtcNow().UtcDateTime - heard.View.At <= Fresh;

    // The earliest of each function's schedules: cron_connector_next_due_timestamp_seconds{function_name="report.openfaas-fn",schedule="@hourly"} 1764345600
    private static Dictionary<string, DateTime> DueTimes(string metrics)
    {
        var due = new Dictionary<string, DateTime>();
        foreach (Match sample in DueSample().Matches(metrics))
        {
            if (double.TryParse(sample.Groups[2].ValueSpan, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) && seconds is > 0 and < MaxSeconds)
            {
                var (function, at) = (sample.Groups[1].Value, DateTime.UnixEpoch.AddSeconds(seconds));
                due[function] = due.TryGetValue(function, out var other) && other < at ? other : at;
            }
        }

        return due;
    }

    [GeneratedRegex("""^cron_connector_next_due_timestamp_seconds\{function_name="([^"\\]*)"[^\n]*\} (\S+)$""", RegexOptions.Multiline)]
    private static partial Regex DueSample();

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

/// <summary>A report, and what was read from it once.</summary>
internal sealed record Heard(ConnectorView View, IReadOnlyDictionary<string, DateTime> Due);

/// <summary>A report as it comes in.</summary>
internal sealed record ReportedConnector(string? Connector, string? Instance, string? Metrics);

/// <summary>A connector's last report.</summary>
/// <param name="Connector">The connector's name.</param>
/// <param name="Instance">Which replica.</param>
/// <param name="At">When it was taken in.</param>
/// <param name="Metrics">Samples in Prometheus's text format.</param>
internal sealed record ConnectorView(string Connector, string Instance, DateTime At, string Metrics);
