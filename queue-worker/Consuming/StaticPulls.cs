using Connectors.QueueWorker.Dispatching;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Consuming;

/// <summary>Static mode: one consumer for each priority, shared by all functions and replicas; first come, first served.</summary>
internal sealed class StaticPulls : ICallPulls
{
    private readonly StreamConsumer[] _consumers;
    private readonly PullLoop _loop;

    public StaticPulls(QueueWorkerOptions options, Consumers consumers, Pauses pauses, WorkSlots slots, Recheck recheck, TimeProvider time, ILogger<StaticPulls> log)
    {
        _consumers = [Consumer(StreamNames.StaticHigh, Priority.High), Consumer(StreamNames.StaticNormal, Priority.Normal)];
        _loop = new PullLoop(_consumers, slots.Calls, options.Consuming.PullMax, () => !pauses.IsQueuePaused, recheck, time, log);

        StreamConsumer Consumer(string name, Priority priority) =>
            consumers.Shared(StreamNames.Calls(options.Queue), name, StreamNames.CallSubjects(options.Queue, priority));
    }

    public IReadOnlyList<StreamConsumer> Lasting => _consumers;

    public void Resync(StreamInfo calls)
    {
        // A pull that stands there tells sooner.
    }

    public void Wake() => _loop.Wake();

    public Task RunAsync(CancellationToken stopping) => _loop.RunAsync(stopping);
}
