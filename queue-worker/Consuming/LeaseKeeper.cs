using System.Collections.Concurrent;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;

namespace Connectors.QueueWorker.Consuming;

/// <summary>
/// Renews the leases of everything that runs: each third of <c>ack_wait</c>, so that one lost renewal does no harm; of the shortest one in force, for another
/// worker may have given a shorter one to a consumer that both use. It is also what keeps a function's consumer from lapsing while a call runs longer than that takes.
/// </summary>
internal sealed class LeaseKeeper(Consumers consumers, WorkSlots slots, TimeProvider time, ILogger<LeaseKeeper> log) : IDuty
{
    // A third of the shortest ack_wait that a worker may have.
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1) / 3;

    private readonly ConcurrentDictionary<Delivery, bool> _renewing = new();

    public async Task RunAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Tick, time);
        var renewed = time.GetTimestamp();
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            if (time.GetElapsedTime(renewed) + (Tick / 2) < consumers.ShortestLease / 3)
            {
                continue;
            }

            renewed = time.GetTimestamp();
            foreach (var delivery in slots.Deliveries)
            {
                // Of some it is asked first whether they are still there; that holds up no other, nor the next renewal.
                if (_renewing.TryAdd(delivery, true))
                {
                    _ = ExtendAsync(delivery, stoppingToken);
                }
            }
        }
    }

    private async Task ExtendAsync(Delivery delivery, CancellationToken ct)
    {
        try
        {
            if (await delivery.ExtendAsync(ct))
            {
                Metrics.LeaseRenewed();
            }
        }
        catch (Exception fault)
        {
            if (!ct.IsCancellationRequested)
            {
                Log.LeaseNotRenewed(log, delivery.Subject, delivery.Place.Sequence, fault.Message);
            }
        }
        finally
        {
            _renewing.TryRemove(delivery, out _);
        }
    }
}
