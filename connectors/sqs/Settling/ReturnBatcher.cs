using Connectors.Sqs.Queues;
using Microsoft.Extensions.Logging;

namespace Connectors.Sqs.Settling;

/// <summary>Gives messages back, each to be seen again after a time of its own. What SQS does not take back in time, comes back when its visibility ends.</summary>
internal sealed class ReturnBatcher : IAsyncDisposable
{
    private static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(20);

    // Between two looks at whether a renewal has ended.
    private static readonly TimeSpan RenewalPause = TimeSpan.FromMilliseconds(50);

    private readonly Queue _queue;
    private readonly VisibilityKeeper _keeper;
    private readonly ILogger _log;
    private readonly Batches<(Lease Lease, TimeSpan Hidden)> _batches;

    public ReturnBatcher(Queue queue, VisibilityKeeper keeper, TimeProvider time, ILogger log)
    {
        (_queue, _keeper, _log) = (queue, keeper, log);
        _batches = new Batches<(Lease, TimeSpan)>(Queue.BatchSize, Linger, time, (batch, _, ct) => ReturnAsync(batch, ct));
    }

    /// <summary>Gives a message back soon, to be seen again after so long, whole seconds; sooner if SQS would not hide it for that long any more.</summary>
    public void Add(Lease lease, TimeSpan hidden)
    {
        lease.IsReturning = true;
        _batches.Add((lease, hidden));
    }

    /// <summary>Gives back the rest.</summary>
    public ValueTask DisposeAsync() => _batches.DisposeAsync();

    // A renewal that is under way may reach SQS after what is sent now, and hide for long what is to be seen soon: its end comes first.
    private async Task<(IReadOnlyList<(Lease Lease, TimeSpan Hidden)> Again, TimeSpan After)> ReturnAsync(IReadOnlyList<(Lease Lease, TimeSpan Hidden)> batch, CancellationToken ct)
    {
        var isRenewing = batch.ToLookup(b => b.Lease.IsRenewing);
        await TryAsync([.. isRenewing[false].Where(b => _keeper.Holds(b.Lease))], ct);
        return ([.. isRenewing[true]], RenewalPause);
    }

    private async Task TryAsync(List<(Lease Lease, TimeSpan Hidden)> open, CancellationToken ct)
    {
        if (open.Count == 0)
        {
            return;
        }

        try
        {
            var faults = await _queue.HideAsync([.. open.Select(b => (b.Lease.Message.Receipt, b.Lease.Within(b.Hidden)))], _ => true, ct);
            Metrics.Returned(_queue.Address.Name, open.Count - faults.Count);
            foreach (var fault in faults)
            {
                Take(open[fault.Index].Lease, fault);
            }
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            var why = QueueFault.Of(fault, _queue.Address);
            Metrics.Failed(_queue.Address.Name, "return", why.Kind);
            Log.ReturnFailed(_log, _queue.Address.Name, open.Count, why.Text);
        }

        open.ForEach(b => _keeper.Drop(b.Lease));
    }

    private void Take(Lease lease, EntryFault fault)
    {
        if (fault.IsGone)
        {
            _keeper.Lose(lease);
        }
        else
        {
            Metrics.Failed(_queue.Address.Name, "return", "entry");
            Log.ReturnFailed(_log, _queue.Address.Name, 1, fault.Code);
        }
    }
}
