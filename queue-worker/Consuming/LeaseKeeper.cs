using System.Collections.Concurrent;
using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Hosting;

namespace Connectors.QueueWorker.Consuming;

/// <summary>
/// Renews the leases of everything that runs: each third of <c>ack_wait</c>, so that one lost renewal does no harm. It is also what keeps a function's
/// consumer from lapsing while a call runs longer than that takes.
/// </summary>
internal sealed class LeaseKeeper(QueueWorkerOptions options, TimeProvider time, ILogger<LeaseKeeper> log) : IDuty
{
    private readonly ConcurrentDictionary<Lease, Delivery> _leases = new();

    /// <summary>Keeps a delivery's lease until the result is disposed.</summary>
    public IDisposable Keep(Delivery delivery)
    {
        var lease = new Lease(_leases);
        _leases[lease] = delivery;
        return lease;
    }

    public async Task RunAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Consuming.AckWait / 3, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            foreach (var delivery in _leases.Values)
            {
                await ExtendAsync(delivery, stoppingToken);
            }
        }
    }

    private async Task ExtendAsync(Delivery delivery, CancellationToken ct)
    {
        try
        {
            await delivery.ExtendAsync(ct);
            Metrics.LeaseRenewed();
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            Log.LeaseNotRenewed(log, delivery.Subject, delivery.Place.Sequence, fault.Message);
        }
    }

    private sealed class Lease(ConcurrentDictionary<Lease, Delivery> leases) : IDisposable
    {
        public void Dispose() => leases.TryRemove(this, out _);
    }
}
