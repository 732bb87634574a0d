using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Consuming;

/// <summary>Callback records: one consumer, shared by all replicas.</summary>
internal sealed class CallbackPulls
{
    private readonly PullLoop _loop;

    public CallbackPulls(QueueWorkerOptions options, Consumers consumers, WorkSlots slots, Recheck recheck, TimeProvider time, ILogger<CallbackPulls> log)
    {
        Consumer = consumers.Shared(StreamNames.Callbacks(options.Queue), StreamNames.CallbackConsumer, StreamNames.CallbackSubjects(options.Queue));
        _loop = new PullLoop([Consumer], slots.Callbacks, int.MaxValue, () => true, recheck, time, log);
    }

    public StreamConsumer Consumer { get; }

    /// <summary>Pulls until told to stop. What was asked for then may still come.</summary>
    public Task RunAsync(CancellationToken stopping) => _loop.RunAsync(stopping);
}
