using Connectors.QueueWorker.Settling;
using Connectors.Streams.Nats;
using NATS.Client.Core;

namespace Connectors.QueueWorker.Consuming;

/// <summary>
/// The end of a worker: nothing more is taken; what runs may finish within the grace period, then requests are aborted, and a little later writes too. Last, it
/// is waited until the server has read the acks.
/// </summary>
internal sealed class Drain(QueueWorkerOptions options, PullInbox inbox, TimeProvider time, ILogger<Drain> log) : IDisposable
{
    private static readonly TimeSpan FlushTimeout = TimeSpan.FromSeconds(2);

    // The host waits five seconds longer than the grace period; the last one is for the connection's own farewell.
    private static readonly TimeSpan ForWrites = TimeSpan.FromSeconds(4);

    private readonly CancellationTokenSource _sends = new();
    private readonly CancellationTokenSource _writes = new();

    public Grace Grace => new(_sends.Token, _writes.Token);

    /// <summary>Returns once nothing runs any more, or nothing more can be done about it.</summary>
    /// <param name="count">How many run.</param>
    /// <param name="idle">Ends when none does.</param>
    public async Task FinishAsync(Func<int> count, Func<Task> idle)
    {
        using var closing = new CancellationTokenSource(FlushTimeout, time);
        await inbox.CloseAsync(closing.Token);
        await EndAsync(count, idle);
        using var flushing = new CancellationTokenSource(FlushTimeout, time);
        try
        {
            await inbox.FlushAsync(flushing.Token);
        }
        catch (Exception fault) when (fault is NatsException or OperationCanceledException)
        {
            Log.AcksNotFlushed(log, fault.Message);
        }
    }

    public void Dispose()
    {
        _sends.Dispose();
        _writes.Dispose();
    }

    private async Task EndAsync(Func<int> count, Func<Task> idle)
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
