using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Serialization;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Microsoft.Extensions.Logging;

namespace Connectors.Sdk.Topics;

/// <summary>
/// Tells the gateway every ten seconds what this connector's metrics say, for the page that operators look at. Best effort: a report that does not arrive is
/// made up for by the next, and a gateway that wants none is asked again after some minutes.
/// </summary>
internal sealed class ConnectorReports : IDuty, IDisposable
{
    // A schedule for each of ten thousand functions fits; the gateway takes twice as much, for JSON's sake.
    private const int MaxLength = 3_000_000;
    private const int MaxSamples = 10_000;
    private const string LeftOut = "connector_report_left_out_samples";

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Unwanted = TimeSpan.FromMinutes(5);

    private readonly string _instance = $"{Environment.MachineName}-{Environment.ProcessId}";
    private readonly HttpClient _http;
    private readonly Uri _address;
    private readonly ConnectorOptions _options;
    private readonly ServiceOptions _service;
    private readonly GatewayCredentials _credentials;
    private readonly TimeProvider _time;
    private readonly ILogger<ConnectorReports> _log;

    public ConnectorReports(ConnectorOptions options, ServiceOptions service, GatewayCredentials credentials, TimeProvider time, ILogger<ConnectorReports> log)
    {
        (_options, _service, _credentials, _time, _log) = (options, service, credentials, time, log);
        _http = new HttpClient(HttpConnections.Pool()) { Timeout = Interval };
        _address = new Uri(options.GatewayUrl.AbsoluteUri.TrimEnd('/') + "/system/connectors");
    }

    public async Task RunAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            await Task.Delay(await IsWantedAsync(stoppingToken) ? Interval : Unwanted, _time, stoppingToken);
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<bool> IsWantedAsync(CancellationToken ct)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, _address)
            {
                Content = JsonContent.Create(new ConnectorReport(_service.Name, _instance, await ReadAsync(ct)), ReportJson.Default.ConnectorReport),
            };
            request.Headers.Authorization = _options.BasicAuth ? _credentials.Header : null;

            // A new connection each time, so that of several gateways behind one address each hears of it.
            request.Headers.ConnectionClose = true;
            using var answer = await _http.SendAsync(request, ct);
            return answer.StatusCode is not (HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed or HttpStatusCode.NotImplemented);
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            Log.NotReported(_log, fault.GetBaseException().Message);
            return true;
        }
    }

    private static async Task<string> ReadAsync(CancellationToken ct)
    {
        await using var buffer = new MemoryStream();
        await Prometheus.Metrics.DefaultRegistry.CollectAndExportAsTextAsync(buffer, ct);
        return Shorten(Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length));
    }

    /// <summary>The samples alone, without those of histograms' buckets. Of a metric with very many only the first are told, and of all how many were left out.</summary>
    public static string Shorten(string metrics)
    {
        var text = new StringBuilder();
        var told = new Dictionary<string, int>();
        var leftOut = 0;
        foreach (var line in metrics.Split('\n').Where(line => line.Length > 0 && line[0] != '#' && !line.Contains("_bucket{", StringComparison.Ordinal)))
        {
            var name = line[..Math.Max(0, line.IndexOfAny(['{', ' ']))];
            told[name] = told.GetValueOrDefault(name) + 1;
            if (told[name] > MaxSamples || text.Length + line.Length > MaxLength)
            {
                leftOut++;
            }
            else
            {
                text.Append(line).Append('\n');
            }
        }

        return leftOut == 0 ? text.ToString() : text.Append(CultureInfo.InvariantCulture, $"{LeftOut} {leftOut}\n").ToString();
    }
}

/// <summary>What a connector says of itself.</summary>
/// <param name="Connector">Its name.</param>
/// <param name="Instance">Which of its replicas.</param>
/// <param name="Metrics">Samples in Prometheus's text format, without comments.</param>
internal sealed record ConnectorReport(string Connector, string Instance, string Metrics);

[JsonSerializable(typeof(ConnectorReport))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class ReportJson : JsonSerializerContext;
