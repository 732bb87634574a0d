using Connectors.QueueWorker.Settling;
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
    private readonly ILogger _log;
    private bool _hasServed;

    public ConsumingService(QueueWorkerOptions options, NatsLink link, Watchdog watchdog, Pulls pulls, ILogger<ConsumingService> log)
    {
        (_options, _link, _watchdog, _pulls, _log) = (options, link, watchdog, pulls, log);
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
                await _pulls.DrainAsync();
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

/// <summary>The end of a worker: what runs may finish within the grace period, then requests are aborted, and a little later writes too.</summary>
internal sealed class Drain(QueueWorkerOptions options, TimeProvider time, ILogger<Drain> log) : IDisposable
{
    // The host waits five seconds longer than the grace period; the last one is for the connection's own farewell.
    private static readonly TimeSpan ForWrites = TimeSpan.FromSeconds(4);

    private readonly CancellationTokenSource _sends = new();
    private readonly CancellationTokenSource _writes = new();

    public Grace Grace => new(_sends.Token, _writes.Token);

    /// <summary>Returns once nothing runs any more, or nothing more can be done about it.</summary>
    public async Task FinishAsync(Func<int> count, Func<Task> idle)
    {
        Log.Draining(log, count());
        if (!await EndsAsync(idle(), options.Service.GracePeriod))
        {
            Log.GivingUp(log, count());
            await _sends.CancelAsync();
            await EndsAsync(idle(), ForWrites);
        }

        await _writes.CancelAsync();
    }

    public void Dispose()
    {
        _sends.Dispose();
        _writes.Dispose();
    }

    private async Task<bool> EndsAsync(Task work, TimeSpan within)
    {
        try
        {
            await work.WaitAsync(within, time);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }
}
