using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;

namespace Connectors.QueueWorker.Consuming;

/// <summary>The worker's life: connect, set up, pull until told to stop, then finish what runs and nak the rest.</summary>
internal sealed class ConsumingService(
    QueueWorkerOptions options, NatsLink link, Watchdog watchdog, LeaseKeeper leases, Pulls pulls, ILogger<ConsumingService> log)
    : BackgroundService
{
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        watchdog.Announce();
        return base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await ConnectAsync(stoppingToken);
            await ServeAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopped before anything was taken.
        }
    }

    private async Task ConnectAsync(CancellationToken stopping)
    {
        await link.OpenAsync(stopping);
        await watchdog.StartAsync(stopping);
        Log.Serving(log, options.Queue, options.Consuming.Mode.ToString(), options.Consuming.MaxInflight, link.ServerVersion, options.Limits.Durability);
    }

    private async Task ServeAsync(CancellationToken stopping)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        using var ended = new CancellationTokenSource();
        var renewal = leases.RunAsync(ended.Token);
        var pull = pulls.RunAsync(ending.Token);
        var watch = watchdog.RunAsync(ending.Token);

        await Task.WhenAny(pull, watch);
        await ending.CancelAsync();
        await pull;
        await pulls.DrainAsync();
        await ended.CancelAsync();
        await Task.WhenAll(Quietly(renewal), Quietly(watch));

        static async Task Quietly(Task task)
        {
            try
            {
                await task;
            }
            catch (OperationCanceledException)
            {
                // That is how it ends.
            }
        }
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
