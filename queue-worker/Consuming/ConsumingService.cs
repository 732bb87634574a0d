using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;

namespace Connectors.QueueWorker.Consuming;

/// <summary>The worker's life: connect, set up, pull until told to stop, then finish what runs and nak the rest.</summary>
internal sealed class ConsumingService : IDuty
{
    private readonly QueueWorkerOptions _options;
    private readonly NatsLink _link;
    private readonly Watchdog _watchdog;
    private readonly Pulls _pulls;
    private readonly WorkSlots _slots;
    private readonly ILogger _log;
    private bool _hasServed;

    public ConsumingService(QueueWorkerOptions options, NatsLink link, Watchdog watchdog, Pulls pulls, WorkSlots slots, ILogger<ConsumingService> log)
    {
        (_options, _link, _watchdog, _pulls, _slots, _log) = (options, link, watchdog, pulls, slots, log);
        watchdog.Announce();
    }

    // Whatever ends the pulls, what they started is not left behind: a worker that ends drains. One that goes on keeps it running, leases and all, and begins
    // to pull anew; told to stop before it does, it is begun once more, to drain.
    public async Task RunAsync(CancellationToken stoppingToken)
    {
        var ends = false;
        try
        {
            await ConnectAsync(stoppingToken);
            _hasServed = true;
            await ServeAsync(stoppingToken);
        }
        catch (ConfigurationException)
        {
            ends = true;
            throw;
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Told to stop.
        }
        finally
        {
            if (_hasServed && (ends || stoppingToken.IsCancellationRequested))
            {
                Metrics.Unseen();
                await _slots.DrainAsync();
            }
        }
    }

    private async Task ConnectAsync(CancellationToken stopping)
    {
        await _link.OpenAsync(stopping);
        await _watchdog.StartAsync(stopping);
        Log.Serving(_log, _options.Queue, _options.Consuming.Mode.ToString(), _options.Consuming.MaxInflight, _link.ServerVersion);
        if (_options.Consuming.IsLongLease && !_hasServed)
        {
            Log.LongLease(_log, _options.Consuming.AckWait, _options.Dispatch.UpstreamTimeout);
        }
    }

    private async Task ServeAsync(CancellationToken stopping)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var pull = _pulls.RunAsync(ending.Token);
        var watch = _watchdog.RunAsync(ending.Token);
        var first = await Task.WhenAny(pull, watch);
        await ending.CancelAsync();
        await Task.WhenAll(pull, watch).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await first;
    }
}
