using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Provider;

/// <summary>Reads the list of functions every few seconds and shows it as gauges; a remote provider's list stays fresh by it.</summary>
internal sealed class FunctionGauges(IProvider provider, GatewayOptions options, TimeProvider time, ILogger<FunctionGauges> log) : BackgroundService
{
    // Below the five seconds that a list may be old, so that look-ups hardly ever leave the process.
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(4);

    private Dictionary<string, ScaleLabels> _known = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await LookAsync(stoppingToken);
            await Task.Delay(Interval, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task LookAsync(CancellationToken ct)
    {
        try
        {
            using var limit = new TimeLimit(Interval, time, ct);
            Show(await provider.ListAsync(limit.Token));
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            Log.ListFailed(log, fault.Message);
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private void Show(IReadOnlyList<FunctionStatus> functions)
    {
        var seen = new Dictionary<string, ScaleLabels>(functions.Count);
        foreach (var function in functions)
        {
            var name = new FunctionName(function.Name, function.Namespace ?? options.DefaultNamespace).ToString();
            seen[name] = ScaleLabels.Of(function);
        }

        // A changed target has another label: the old sample goes first.
        foreach (var (name, target) in _known.Where(known => !seen.TryGetValue(known.Key, out var now) || now.Type != known.Value.Type))
        {
            Metrics.ServiceGone(name, target);
        }

        foreach (var function in functions)
        {
            var name = new FunctionName(function.Name, function.Namespace ?? options.DefaultNamespace).ToString();
            Metrics.ServiceSeen(name, function.Replicas ?? 0, function.AvailableReplicas ?? 0, seen[name]);
        }

        _known = seen;
    }
}
