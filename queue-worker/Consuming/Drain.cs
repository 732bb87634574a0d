namespace Connectors.QueueWorker.Consuming;

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
