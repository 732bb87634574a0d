using Connectors.QueueWorker.Callbacks;
using Connectors.QueueWorker.Dispatching;
using Connectors.QueueWorker.Settling;
using Connectors.Streams.Nats;

namespace Connectors.QueueWorker.Consuming;

/// <summary>The worker's slots, each kind of work in its own: calls, callbacks, and calls that are brought back from aside. No kind waits for another's.</summary>
internal sealed class WorkSlots(
    QueueWorkerOptions options, Dispatcher calls, CallbackDispatcher callbacks, AsideReturn aside, Acks acks, Drain drain, TimeProvider time, ILogger<WorkSlots> log)
{
    public Slots Calls { get; } = new(options.Consuming.MaxInflight, calls, acks, drain.Grace, time, log);

    public Slots Callbacks { get; } = new(options.Callbacks.MaxInflight, callbacks, acks, drain.Grace, time, log);

    public Slots Aside { get; } = new(AsidePulls.MaxInflight, aside, acks, drain.Grace, time, log);

    /// <summary>Everything that is under a lease.</summary>
    public IEnumerable<Delivery> Deliveries => All.SelectMany(slots => slots.Deliveries);

    /// <summary>Finishes what runs and naks the rest; nothing more is taken. The server has read the acks when this returns.</summary>
    public Task DrainAsync() => drain.FinishAsync(() => All.Sum(slots => slots.Running), () => Task.WhenAll(All.Select(slots => slots.IdleAsync())));

    private Slots[] All => [Calls, Callbacks, Aside];
}
