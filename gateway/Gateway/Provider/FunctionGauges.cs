using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Provider;

/// <summary>Reads the list of functions every few seconds and shows it as gauges; a remote provider's list stays fresh by it.</summary>
internal sealed class FunctionGauges(IProvider provider, GatewayOptions options, TimeProvider time, ILogger<FunctionGauges> log) : BackgroundService
{
    // Below the five seconds that a list may be old, so that look-ups hardly ever leave the process.
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(4);

    // A list of many namespaces takes its time; one that hangs is asked for again, however long functions may take.
    private static readonly TimeSpan MaxPatience = TimeSpan.FromMinutes(1);

    private readonly TimeSpan _patience =
        options.UpstreamTimeout < Interval ? Interval : options.UpstreamTimeout > MaxPatience ? MaxPatience : options.UpstreamTimeout;

    private Dictionary<string, ScaleLabels> _known = [];

    // Why the last list could not be read; null if it was.
    private string? _fault;

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
        using var limit = new TimeLimit(_patience, time, ct);
        try
        {
            Show(await provider.ListAsync(limit.Token));
            Metrics.FunctionsListed(time.GetUtcNow());
            if (_fault is not null)
            {
                _fault = null;
                Log.ListedAgain(log);
            }
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            var cause = fault is OperationCanceledException && limit.IsOver ? $"no answer within {GoDuration.Format(_patience)}" : fault.Message;
            if (cause != _fault)
            {
                _fault = cause;
                Log.ListFailed(log, cause);
            }
        }
        catch (Exception)
        {
            // Stopping, whatever fails in that moment.
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
            Metrics.ServiceSeen(name, function.Replicas ?? 0, function.Ready, seen[name]);
        }

        Metrics.ForgetUnlisted(seen);
        _known = seen;
    }
}
