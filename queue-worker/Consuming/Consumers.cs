using Connectors.Streams.Nats;

namespace Connectors.QueueWorker.Consuming;

/// <summary>Makes the consumers of the queue's streams: their messages come over the one inbox, under this worker's lease.</summary>
internal sealed class Consumers(QueueWorkerOptions options, PullInbox inbox, ConsumerSetup setup, TimeProvider time)
{
    /// <summary>The shortest lease in force, which is this worker's own unless another gave a consumer a shorter one.</summary>
    public TimeSpan ShortestLease => inbox.ShortestLease(options.Consuming.AckWait);

    /// <summary>One that all replicas share in a stream.</summary>
    public StreamConsumer Shared(string stream, string name, string filter) =>
        StreamConsumer.Shared(inbox, setup, stream, name, filter, options.Consuming.AckWait, time);

    /// <summary>One that is gone by itself when nobody has used it for so long.</summary>
    public StreamConsumer Lapsing(string stream, string name, string filter, TimeSpan inactiveThreshold) =>
        StreamConsumer.Lapsing(inbox, setup, stream, name, filter, options.Consuming.AckWait, inactiveThreshold, time);
}
