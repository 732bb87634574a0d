using Connectors.Sdk.Hosting;
using Microsoft.Extensions.Logging;
using Polly;

namespace Connectors.Sdk.Topics;

/// <summary>Builds the topic map at start and every <c>rebuild_interval</c>. A failed poll keeps the last map, and is a log line and a metric.</summary>
public sealed class TopicMapRefresher : IDuty
{
    /// <summary>The condition of readiness that the first map meets.</summary>
    public const string Condition = "topic map";

    private readonly FunctionCatalog _catalog;
    private readonly LatestTopicMap _latest;
    private readonly ConnectorOptions _options;
    private readonly Readiness _readiness;
    private readonly ILogger<TopicMapRefresher> _log;
    private readonly TimeProvider _time;
    private readonly ResiliencePipeline _guard;

    /// <summary>Creates the refresher.</summary>
    public TopicMapRefresher(
        FunctionCatalog catalog, LatestTopicMap latest, ConnectorOptions options, Readiness readiness, TimeProvider time, ILogger<TopicMapRefresher> log)
    {
        (_catalog, _latest, _options, _readiness, _time, _log) = (catalog, latest, options, readiness, time, log);
        _guard = Guard.Create("gateway", options.RebuildTimeout, time);
        readiness.Announce(Condition);
    }

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            await RebuildAsync(stoppingToken);
            await Task.Delay(_options.RebuildInterval, _time, stoppingToken);
        }
    }

    private async Task RebuildAsync(CancellationToken ct)
    {
        try
        {
            var started = _time.GetTimestamp();
            var list = await _guard.ExecuteAsync(async token => await _catalog.ListAsync(token), ct);
            var map = new TopicMap(list.Functions, _options.TopicDelimiter, _options.TopicPatterns);
            Metrics.MapRebuilt(map.Functions.Count, list.LeftOut, _time.GetUtcNow());
            _latest.Swap(map);
            _readiness.Met(Condition);
            if (_options.PrintSync)
            {
                Log.MapRebuilt(_log, list.Functions.Count, map.Functions.Count, _time.GetElapsedTime(started));
            }
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            Metrics.MapFailed();
            Log.MapFailed(_log, fault.GetBaseException().Message);
        }
    }
}
