using System.Collections.Concurrent;
using Connectors.Sdk.Hosting;
using Connectors.Sqs.Queues;
using Microsoft.Extensions.Logging;

namespace Connectors.Sqs.Settling;

/// <summary>Keeps one queue's messages hidden from others while we have them, from the receive until they are deleted or given back.</summary>
internal sealed class VisibilityKeeper : IAsyncDisposable
{
    private const int Requests = 4;

    private static readonly TimeSpan RequestTime = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<Lease, bool> _leases = new();
    private readonly LatestAges _latest;
    private readonly Queue _queue;
    private readonly TimeSpan _visibility;
    private readonly TimeSpan _renewal;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly PeriodicTimer _timer;
    private readonly SemaphoreSlim _free = new(Requests, Requests);
    private readonly CancellationTokenSource _closing = new();
    private readonly Task _loop;

    public VisibilityKeeper(Queue queue, SqsOptions options, TimeProvider time, ILogger log)
    {
        (_queue, _visibility, _renewal, _time, _log) = (queue, options.VisibilityTimeout, options.VisibilityRenewal, time, log);
        _latest = new LatestAges(time);

        // What falls due within a quarter of the interval is renewed together, so that requests are well filled.
        _timer = new PeriodicTimer(options.VisibilityRenewal / 4, time);
        _loop = RunAsync();
    }

    /// <summary>Keeps a message hidden from now on.</summary>
    public void Keep(Lease lease)
    {
        _leases[lease] = true;
        _latest.Add(AgeOf(lease.Message.Sent));
        Metrics.Holding(_queue.Address.Name, +1);
    }

    /// <summary>Keeps it no longer: it was deleted or given back.</summary>
    public void Drop(Lease lease)
    {
        if (_leases.TryRemove(lease, out _))
        {
            Metrics.Holding(_queue.Address.Name, -1);
            lease.Dispose();
        }
    }

    /// <summary>The message may be with another already.</summary>
    public void Lose(Lease lease)
    {
        if (_leases.TryRemove(lease, out _))
        {
            Metrics.Holding(_queue.Address.Name, -1);
            Metrics.Expired(_queue.Address.Name);
            Log.LeaseLost(_log, _queue.Address.Name, lease.Message.Id);
            lease.Lose();
        }
    }

    /// <summary>Whether a message is still ours; one whose time has run out is lost from here on.</summary>
    public bool Holds(Lease lease)
    {
        if (!lease.IsLost && lease.IsOver)
        {
            Lose(lease);
        }

        return !lease.IsLost;
    }

    /// <summary>Of the messages that are kept, and of those that came lately and are gone by now, how old the oldest is or was.</summary>
    public TimeSpan OldestAge() => TimeSpan.FromTicks(Math.Max(AgeOf(_leases.Keys.Min(lease => lease.Message.Sent)).Ticks, _latest.Max().Ticks));

    public async ValueTask DisposeAsync()
    {
        _timer.Dispose();
        await _loop;
        await _closing.CancelAsync();
        for (var i = 0; i < Requests; i++)
        {
            await _free.WaitAsync();
        }

        _closing.Dispose();
        _free.Dispose();
    }

    private async Task RunAsync()
    {
        while (await _timer.WaitForNextTickAsync(CancellationToken.None))
        {
            RenewDue();
        }
    }

    // What one request renews waits for no other that hangs.
    private void RenewDue()
    {
        try
        {
            foreach (var leases in _leases.Keys.Where(l => IsKept(l) && IsDue(l)).OrderBy(l => l.Granted.At).Chunk(Queue.BatchSize))
            {
                Array.ForEach(leases, l => l.IsRenewing = true);
                _ = RenewAsync(leases, _closing.Token);
            }
        }
        catch (Exception fault)
        {
            // One odd message must not end the renewal of all others.
            Metrics.Failed(_queue.Address.Name, "renew", "other");
            Log.RenewFailed(_log, _queue.Address.Name, _leases.Count, fault.Message);
        }
    }

    // One whose deletion is under way may be deleted by now: that its time has run out is then no loss, and for the deletion's answer to say.
    private bool IsKept(Lease lease) => !lease.IsReturning && (lease.IsDeleting ? !lease.IsOver : Holds(lease));

    // One that SQS would hide for no longer, or by less than the second to which times are rounded, is left as it is until its time has run out.
    private bool IsDue(Lease lease)
    {
        var possible = lease.Within(_visibility);
        return !lease.IsRenewing
            && _time.GetElapsedTime(lease.Granted.At) >= _renewal - _timer.Period
            && (possible == _visibility || possible > lease.Left + TimeSpan.FromSeconds(1));
    }

    private async Task RenewAsync(Lease[] leases, CancellationToken closing)
    {
        try
        {
            await _free.WaitAsync(closing);
            try
            {
                await SendAsync([.. leases.Where(l => _leases.ContainsKey(l) && IsKept(l))], closing);
            }
            finally
            {
                _free.Release();
            }
        }
        catch (OperationCanceledException) when (closing.IsCancellationRequested)
        {
            // Everything is deleted or given back.
        }
        catch (Exception fault)
        {
            // Tried again at the next tick, until the time has run out.
            var why = QueueFault.Of(fault, _queue.Address);
            Metrics.Failed(_queue.Address.Name, "renew", why.Kind);
            Log.RenewFailed(_log, _queue.Address.Name, leases.Length, why.Text);
        }
        finally
        {
            // Those too that were not renewed after all: what is given back waits for it.
            Array.ForEach(leases, l => l.IsRenewing = false);
        }
    }

    private async Task SendAsync(Lease[] leases, CancellationToken closing)
    {
        if (leases.Length == 0)
        {
            return;
        }

        // Half of what is left, for one that hangs is to leave time for another.
        using var limit = new TimeLimit(TimeSpan.FromTicks(Math.Clamp(leases.Min(l => l.Left.Ticks) / 2, 0, RequestTime.Ticks)), _time, closing);
        var grants = leases.Select(l => new Grant(_time.GetTimestamp(), l.Within(_visibility))).ToList();

        // One that is given back meanwhile is not asked for again: that would hide it for longer than it is to be hidden.
        var asked = new bool[leases.Length];
        var faults = await _queue.HideAsync(
            [.. leases.Zip(grants, (l, g) => (l.Message.Receipt, g.For))], i => asked[i] = !leases[i].IsReturning, limit.Token);
        Metrics.Renewed(_queue.Address.Name, asked.Count(isAsked => isAsked) - faults.Count);
        foreach (var (i, lease) in leases.Index().Where(l => asked[l.Index]))
        {
            Take(lease, grants[i], faults.FirstOrDefault(f => f.Index == i));
        }
    }

    private void Take(Lease lease, Grant granted, EntryFault? fault)
    {
        if (fault is null)
        {
            lease.Granted = granted;
        }
        else if (!fault.IsGone)
        {
            Metrics.Failed(_queue.Address.Name, "renew", "entry");
            Log.RenewFailed(_log, _queue.Address.Name, 1, fault.Code);
        }
        else if (!lease.IsEnding)
        {
            Lose(lease);
        }
    }

    private TimeSpan AgeOf(DateTimeOffset? sent) => sent is { } at && at < _time.GetUtcNow() ? _time.GetUtcNow() - at : TimeSpan.Zero;
}
