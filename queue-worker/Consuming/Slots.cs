using System.Collections.Concurrent;
using Connectors.QueueWorker.Settling;
using Connectors.Streams.Nats;

namespace Connectors.QueueWorker.Consuming;

/// <summary>
/// What runs right now, each delivery in a slot and under a lease. A slot is taken before the broker is asked, so that nothing is fetched that cannot run;
/// whoever took it either starts a delivery in it or releases it.
/// </summary>
/// <param name="count">How many.</param>
/// <param name="handler">What is done with a delivery.</param>
/// <param name="acks">Knows which messages were acked already.</param>
/// <param name="grace">What a stopping worker allows.</param>
/// <param name="time">The clock.</param>
/// <param name="log">The log.</param>
internal sealed class Slots(int count, IDeliveryHandler handler, Acks acks, Grace grace, TimeProvider time, ILogger log)
{
    private readonly ConcurrentDictionary<MessagePlace, Run> _runs = new();
    private int _free = count;
    private int _busy;
    private TaskCompletionSource? _idle;

    /// <summary>All of them.</summary>
    public int Count { get; } = count;

    public int Free => Volatile.Read(ref _free);

    public int Running => Volatile.Read(ref _busy);

    /// <summary>What runs.</summary>
    public IEnumerable<Delivery> Deliveries => _runs.Select(run => run.Value.Delivery);

    /// <summary>Called when a slot is free that was not.</summary>
    public Action? Freed { get; set; }

    /// <summary>By how much the work that is longest over its limit is over it; zero when none is.</summary>
    public TimeSpan Overdue => _runs.Select(run => OverdueOf(run.Value)).DefaultIfEmpty().Max();

    /// <summary>Whether every slot holds work that is over its limit: nothing is taken any more, and nothing comes to an end.</summary>
    public bool AreStuck => _runs.Count(run => OverdueOf(run.Value) > TimeSpan.Zero) >= Count;

    /// <summary>Takes free slots, as many as there are up to <paramref name="max"/>.</summary>
    public int TryTake(int max)
    {
        while (true)
        {
            var free = Free;
            var taken = Math.Min(free, max);
            if (taken <= 0 || Interlocked.CompareExchange(ref _free, free - taken, free) == free)
            {
                return Math.Max(0, taken);
            }
        }
    }

    /// <summary>Puts slots back that were taken, and says so.</summary>
    public void Release(int taken)
    {
        if (taken > 0)
        {
            PutBack(taken);
            Freed?.Invoke();
        }
    }

    /// <summary>Puts slots back without a word: by who would be the first to hear.</summary>
    public void PutBack(int taken) => Interlocked.Add(ref _free, taken);

    /// <summary>Starts work on a delivery in a slot that was taken for it.</summary>
    /// <param name="delivery">The delivery.</param>
    /// <param name="ended">Told when it has ended, before anything else can take its slot.</param>
    public void Start(Delivery delivery, Action<Handled>? ended = null)
    {
        Interlocked.Increment(ref _busy);
        ThreadPool.UnsafeQueueUserWorkItem(new Run(this, delivery, ended, time.GetTimestamp()), preferLocal: false);
    }

    /// <summary>Gives back a delivery for which there is no slot; unless it runs here or was acked, and so is not to be run again by anybody.</summary>
    public void Nak(Delivery delivery)
    {
        var isRunning = _runs.TryGetValue(delivery.Place, out var running) && !running.Delivery.IsNakked;
        Interlocked.Increment(ref _busy);
        _ = NakAsync();

        async Task NakAsync()
        {
            if (isRunning)
            {
                await KeepAsync(delivery);
            }
            else if (!await acks.AckAgainAsync(delivery, grace.Writes))
            {
                await EndAsync(delivery, null);
            }

            Done();
        }
    }

    /// <summary>Ends when nothing runs any more.</summary>
    public Task IdleAsync()
    {
        var idle = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        // What ends now looks for whom to tell after it has counted itself out; so this is to be written before it is looked how many run, and not merely first.
        Interlocked.Exchange(ref _idle, idle);
        if (Running == 0)
        {
            idle.TrySetResult();
        }

        return idle.Task;
    }

    private async Task RunAsync(Run run)
    {
        var delivery = run.Delivery;
        var handled = new Handled();
        try
        {
            if (!IsNew(run))
            {
                await KeepAsync(delivery);
            }
            else if (!await acks.AckAgainAsync(delivery, grace.Writes))
            {
                handled = await handler.HandleAsync(delivery, grace);
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
            _runs.TryRemove(KeyValuePair.Create(delivery.Place, run));
            Tell(() => run.Ended?.Invoke(handled with { Again = delivery.Again }), delivery);
            PutBack(1);
            Tell(() => Freed?.Invoke(), delivery);
            Done();
        }
    }

    // What is delivered while it runs. If its ack is sent already, and the servers have not agreed on it, the new delivery's is one that they will.
    private async Task KeepAsync(Delivery delivery)
    {
        if (!await acks.AckAgainAsync(delivery, grace.Writes))
        {
            Log.RunsAlready(log, delivery.Subject, delivery.Place.Sequence);
        }
    }

    private void Done()
    {
        if (Interlocked.Decrement(ref _busy) == 0)
        {
            Volatile.Read(ref _idle)?.TrySetResult();
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

    private TimeSpan OverdueOf(Run run)
    {
        var over = time.GetElapsedTime(run.Started) - handler.Limit;
        return over > TimeSpan.Zero ? over : TimeSpan.Zero;
    }

    // A consumer that was deleted or lost its state delivers again what runs here. The run goes on: its lease and its ack name the message, and so hold for
    // the new delivery too.
    private bool IsNew(Run run)
    {
        while (true)
        {
            var running = _runs.GetOrAdd(run.Delivery.Place, run);
            if (running == run || (running.Delivery.IsNakked && _runs.TryUpdate(run.Delivery.Place, run, running)))
            {
                return true;
            }

            // One that was nakked may have ended just now, and left its place.
            if (!running.Delivery.IsNakked)
            {
                return false;
            }
        }
    }

    private sealed class Run(Slots slots, Delivery delivery, Action<Handled>? ended, long started) : IThreadPoolWorkItem
    {
        public Delivery Delivery => delivery;

        public Action<Handled>? Ended => ended;

        public long Started => started;

        public void Execute() => _ = slots.RunAsync(this);
    }
}
