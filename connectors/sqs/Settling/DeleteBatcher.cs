using Connectors.Sdk.Invocation;
using Connectors.Sqs.Queues;
using Microsoft.Extensions.Logging;

namespace Connectors.Sqs.Settling;

/// <summary>Deletes what is done, by tens. What SQS does not delete is tried again on its own, for as long as it is ours.</summary>
internal sealed class DeleteBatcher : IAsyncDisposable
{
    private static readonly TimeSpan MinDelay = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan MaxDelay = TimeSpan.FromSeconds(10);

    // Nothing waits for a deletion but the next message of a FIFO group.
    private static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan FifoLinger = TimeSpan.FromMilliseconds(20);

    // Far more than are on their way while SQS deletes as it is asked to.
    private const int MaxUndeleted = 300;

    private readonly Queue _queue;
    private readonly VisibilityKeeper _keeper;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly ILogger _log;
    private readonly Batches<Lease> _batches;

    public DeleteBatcher(Queue queue, VisibilityKeeper keeper, TimeProvider time, Random random, ILogger log)
    {
        (_queue, _keeper, _time, _random, _log) = (queue, keeper, time, random, log);
        _batches = new Batches<Lease>(Queue.BatchSize, queue.Address.IsFifo ? FifoLinger : Linger, time, DeleteAsync);
    }

    /// <summary>Deletes a message soon.</summary>
    public void Add(Lease lease) => _batches.Add(lease);

    /// <summary>Waits while so many are undeleted that receiving more would only fill the memory.</summary>
    public Task RoomAsync(CancellationToken ct) => _batches.UntilFewerAsync(MaxUndeleted, ct);

    /// <summary>Deletes the rest.</summary>
    public ValueTask DisposeAsync() => _batches.DisposeAsync();

    private async Task<(IReadOnlyList<Lease> Again, TimeSpan After)> DeleteAsync(IReadOnlyList<Lease> batch, int attempt, CancellationToken ct)
    {
        var open = batch.Where(_keeper.Holds).ToList();
        var again = open.Count > 0 ? await TryAsync(open, ct) : open;
        return (again, BackOff.Delay(BackOffKind.Equal, attempt, MinDelay, MaxDelay, _random));
    }

    // Returns what is to be tried again.
    private async Task<List<Lease>> TryAsync(List<Lease> leases, CancellationToken ct)
    {
        leases.ForEach(lease => lease.IsDeleting = true);
        var again = leases;
        try
        {
            var faults = await _queue.DeleteAsync([.. leases.Select(l => l.Message.Receipt)], ct);
            Metrics.Deleted(_queue.Address.Name, leases.Count, leases.Count - faults.Count);
            again = [.. faults.Where(f => !f.IsGone).Select(f => leases[f.Index])];
            End(leases, faults);
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            var why = QueueFault.Of(fault, _queue.Address);
            Metrics.Failed(_queue.Address.Name, "delete", why.Kind);
            Log.DeleteFailed(_log, _queue.Address.Name, leases.Count, why.Text);
        }

        again.ForEach(lease => lease.IsDeleting = false);
        return again;
    }

    private void End(List<Lease> leases, IReadOnlyList<EntryFault> faults)
    {
        var byIndex = faults.ToDictionary(f => f.Index);
        foreach (var (i, lease) in leases.Index())
        {
            if (!byIndex.TryGetValue(i, out var fault))
            {
                _keeper.Drop(lease);
            }
            else if (fault.IsGone)
            {
                _keeper.Lose(lease);
            }
            else
            {
                Metrics.Failed(_queue.Address.Name, "delete", "entry");
                Log.DeleteFailed(_log, _queue.Address.Name, 1, fault.Code);
            }
        }
    }
}
