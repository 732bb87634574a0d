using System.Collections.Concurrent;
using Connectors.QueueWorker.Settling;

namespace Connectors.QueueWorker.Consuming;

/// <summary>
/// What runs right now, each delivery in a slot and under a lease. A slot is taken before the broker is asked, so that nothing is fetched that cannot run;
/// whoever took it either starts a delivery in it or releases it.
/// </summary>
internal sealed class Slots(int count, IDeliveryHandler handler, LeaseKeeper leases, Grace grace, ILogger log) : IDisposable
{
    private readonly SemaphoreSlim _free = new(count, count);
    private readonly ConcurrentDictionary<Task, bool> _tasks = new();
    private readonly ConcurrentDictionary<(ulong Sequence, DateTimeOffset Stored), Delivery> _messages = new();

    public int Running => _tasks.Count;

    public int Free => _free.CurrentCount;

    /// <summary>Waits for a free slot and takes it, with as many more as are free, up to <paramref name="max"/> in all.</summary>
    public async Task<int> TakeAsync(int max, CancellationToken ct)
    {
        await _free.WaitAsync(ct);
        var taken = 1;
        while (taken < max && TryTake())
        {
            taken++;
        }

        return taken;
    }

    public bool TryTake() => _free.Wait(0);

    public void Release(int taken)
    {
        if (taken > 0)
        {
            _free.Release(taken);
        }
    }

    /// <summary>Starts work on a delivery in a slot that was taken for it.</summary>
    /// <param name="delivery">The delivery.</param>
    /// <param name="ended">Told when it has ended, before anything else can take its slot.</param>
    /// <param name="freed">Told when its slot is free.</param>
    public void Start(Delivery delivery, Action<Handled>? ended = null, Action? freed = null)
    {
        var task = RunAsync(delivery, ended, freed);
        _tasks[task] = true;
        _ = task.ContinueWith(done => _tasks.TryRemove(done, out _), TaskScheduler.Default);
    }

    /// <summary>Gives back a delivery for which there is no slot.</summary>
    public Task NakAsync(Delivery delivery) => handler.NakAsync(delivery, grace.Writes);

    /// <summary>Ends when nothing runs any more.</summary>
    public Task IdleAsync() => Task.WhenAll(_tasks.Keys);

    public void Dispose() => _free.Dispose();

    private async Task RunAsync(Delivery delivery, Action<Handled>? ended, Action? freed)
    {
        // Lets the loop that pulls go on at once.
        await Task.Yield();
        var handled = new Handled();
        try
        {
            if (IsNew(delivery))
            {
                using var lease = leases.Keep(delivery);
                handled = await handler.HandleAsync(delivery, grace);
            }
            else
            {
                Log.RunsAlready(log, delivery.Subject, delivery.Sequence);
            }
        }
        catch (OperationCanceledException) when (grace.Sends.IsCancellationRequested)
        {
            await handler.NakAsync(delivery, grace.Writes);
        }
        catch (Exception fault)
        {
            Log.DeliveryFailed(log, fault, delivery.Subject, delivery.Sequence);
        }
        finally
        {
            _messages.TryRemove(KeyValuePair.Create((delivery.Sequence, delivery.Stored), delivery));
            ended?.Invoke(handled);
            _free.Release();
            freed?.Invoke();
        }
    }

    // A consumer that was deleted or lost its state delivers again what runs here. The run goes on: its lease and its ack name the message, and so hold for
    // the new delivery too.
    private bool IsNew(Delivery delivery)
    {
        var running = _messages.GetOrAdd((delivery.Sequence, delivery.Stored), delivery);
        if (running == delivery)
        {
            return true;
        }

        return running.IsNakked && _messages.TryUpdate((delivery.Sequence, delivery.Stored), delivery, running);
    }
}
