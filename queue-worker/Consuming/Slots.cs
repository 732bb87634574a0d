using System.Collections.Concurrent;
using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Hosting;

namespace Connectors.QueueWorker.Consuming;

/// <summary>
/// What runs right now, each delivery in a slot and under a lease. A slot is taken before the broker is asked, so that nothing is fetched that cannot run;
/// whoever took it either starts a delivery in it or releases it.
/// </summary>
/// <param name="count">How many.</param>
/// <param name="handler">What is done with a delivery.</param>
/// <param name="leases">Keeps the leases.</param>
/// <param name="grace">What a stopping worker allows.</param>
/// <param name="time">The clock.</param>
/// <param name="log">The log.</param>
internal sealed class Slots(int count, IDeliveryHandler handler, LeaseKeeper leases, Grace grace, TimeProvider time, ILogger log) : IDisposable
{
    private readonly SemaphoreSlim _free = new(count, count);
    private readonly ConcurrentDictionary<Task, long> _tasks = new();
    private readonly ConcurrentDictionary<MessagePlace, Delivery> _messages = new();

    public int Running => _tasks.Count;

    /// <summary>By how much the work that is longest over its limit is over it; zero when none is.</summary>
    public TimeSpan Overdue => _tasks.Values.Select(OverdueOf).DefaultIfEmpty().Max();

    /// <summary>Whether every slot holds work that is over its limit: nothing is taken any more, and nothing comes to an end.</summary>
    public bool AreStuck => _tasks.Values.Count(started => OverdueOf(started) > TimeSpan.Zero) >= count;

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
        _tasks[task] = time.GetTimestamp();
        _ = task.ContinueWith(done => _tasks.TryRemove(done, out _), TaskScheduler.Default);
    }

    /// <summary>Gives back a delivery for which there is no slot.</summary>
    public Task NakAsync(Delivery delivery) => handler.NakAsync(delivery, grace.Writes);

    /// <summary>Ends when nothing runs any more.</summary>
    public async Task IdleAsync() => await Task.WhenAll(_tasks.Keys).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

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
                Log.RunsAlready(log, delivery.Subject, delivery.Place.Sequence);
            }
        }
        catch (OperationCanceledException) when (grace.Sends.IsCancellationRequested)
        {
            await EndAsync(delivery, null);
        }
        catch (Exception fault)
        {
            if (fault is not NotStoredException)
            {
                Log.DeliveryFailed(log, fault, delivery.Subject, delivery.Place.Sequence);
            }

            await EndAsync(delivery, fault);
        }
        finally
        {
            _messages.TryRemove(KeyValuePair.Create(delivery.Place, delivery));
            Tell(() => ended?.Invoke(handled), delivery);
            _free.Release();
            Tell(() => freed?.Invoke(), delivery);
        }
    }

    // Whatever one delivery does, its slot is free afterwards.
    private async Task EndAsync(Delivery delivery, Exception? fault)
    {
        try
        {
            await (fault is null ? handler.NakAsync(delivery, grace.Writes) : handler.FailAsync(delivery, fault, grace.Writes));
        }
        catch (Exception second)
        {
            Log.DeliveryFailed(log, second, delivery.Subject, delivery.Place.Sequence);
        }
    }

    private void Tell(Action listener, Delivery delivery)
    {
        try
        {
            listener();
        }
        catch (Exception fault)
        {
            Log.DeliveryFailed(log, fault, delivery.Subject, delivery.Place.Sequence);
        }
    }

    private TimeSpan OverdueOf(long started)
    {
        var over = time.GetElapsedTime(started) - handler.Limit;
        return over > TimeSpan.Zero ? over : TimeSpan.Zero;
    }

    // A consumer that was deleted or lost its state delivers again what runs here. The run goes on: its lease and its ack name the message, and so hold for
    // the new delivery too.
    private bool IsNew(Delivery delivery)
    {
        var running = _messages.GetOrAdd(delivery.Place, delivery);
        if (running == delivery)
        {
            return true;
        }

        return running.IsNakked && _messages.TryUpdate(delivery.Place, delivery, running);
    }
}

/// <summary>Tells of slots whose work is over its limit: a gauge for each kind of work, and a worker that is not ready when all of a kind are stuck.</summary>
internal sealed class SlotWatch(QueueWorkerOptions options, Pulls pulls, Readiness readiness, TimeProvider time) : IDuty
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    public async Task RunAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            Look("calls", pulls.CallSlots);
            Look("callbacks", pulls.CallbackSlots);
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private void Look(string work, Slots slots)
    {
        Metrics.Overdue(options.Queue, work, slots.Overdue);
        if (slots.AreStuck)
        {
            readiness.Lost($"slots of {work}", "all of them hold work that is over its limit");
        }
        else
        {
            readiness.Met($"slots of {work}");
        }
    }
}
