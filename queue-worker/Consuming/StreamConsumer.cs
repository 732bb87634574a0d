using System.Runtime.CompilerServices;
using Connectors.QueueWorker.Settling;
using Connectors.Streams.Nats;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Consuming;

/// <summary>One consumer of a stream: what is there now, or the next thing to come.</summary>
internal sealed class StreamConsumer(StreamSetup setup, string stream, ConsumerConfig config, TimeProvider time)
{
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(1);

    /// <summary>How long one wait lasts when nothing comes.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);

    private volatile INatsJSConsumer? _bound;
    private bool _wasBound;
    private long _lastUse;

    public string Name => config.Name!;

    /// <summary>The consumer that all replicas share in a stream: deliveries without end and without ceiling, each to be acked.</summary>
    public static ConsumerConfig Shared(string name, string filter, TimeSpan ackWait) => new(name)
    {
        FilterSubject = filter,
        AckPolicy = ConsumerConfigAckPolicy.Explicit,
        AckWait = ackWait,
        MaxDeliver = -1,
        MaxAckPending = -1,
    };

    /// <summary>The consumer of one function: its state in memory, for nothing depends on it, and gone by itself when it is no longer used.</summary>
    public static ConsumerConfig Lapsing(string name, string filter, TimeSpan ackWait, TimeSpan inactiveThreshold) => new()
    {
        Name = name,
        FilterSubject = filter,
        AckPolicy = ConsumerConfigAckPolicy.Explicit,
        AckWait = ackWait,
        MaxDeliver = -1,
        MaxAckPending = -1,
        MemStorage = true,
        InactiveThreshold = inactiveThreshold,
    };

    /// <summary>Makes sure that the consumer exists.</summary>
    public async Task BindAsync(CancellationToken ct)
    {
        _bound = await setup.EnsureConsumerAsync(stream, config, !_wasBound, ct);
        _wasBound = true;
        _lastUse = time.GetTimestamp();
    }

    /// <summary>Whether the consumer is known to exist. One that lapses by itself is known only for a while after its last use.</summary>
    public bool IsBound => _bound is not null && (config.InactiveThreshold == TimeSpan.Zero || time.GetElapsedTime(_lastUse) < config.InactiveThreshold / 2);

    /// <summary>Up to so many deliveries that wait right now; none while it is not bound.</summary>
    public async IAsyncEnumerable<Delivery> TakeAsync(int most, [EnumeratorCancellation] CancellationToken ct)
    {
        if (_bound is { } consumer)
        {
            _lastUse = time.GetTimestamp();
            var opts = new NatsJSFetchOpts { MaxMsgs = most, Expires = LongestWait, IdleHeartbeat = Heartbeat, NotificationHandler = NoticeAsync };
            await foreach (var message in consumer.FetchNoWaitAsync(opts, NatsRawSerializer<byte[]>.Default, ct))
            {
                yield return new Delivery(message);
            }
        }
    }

    /// <summary>The next delivery; null after a while, or when the server is silent: never proof of an empty queue.</summary>
    public async Task<Delivery?> WaitAsync(CancellationToken ct)
    {
        var opts = new NatsJSNextOpts { Expires = LongestWait, IdleHeartbeat = Heartbeat, NotificationHandler = NoticeAsync };
        return _bound is { } consumer && await consumer.NextAsync(NatsRawSerializer<byte[]>.Default, opts, ct) is { } message ? new Delivery(message) : null;
    }

    // No responders, two missed heartbeats, or a 409 that ends the pull: whoever looks after consumers has to look first.
    private Task NoticeAsync(INatsJSNotification notice, CancellationToken ct)
    {
        if (notice is NatsJSNoRespondersNotification or NatsJSTimeoutNotification or NatsJSProtocolNotification { HeaderCode: 409 })
        {
            _bound = null;
        }

        return Task.CompletedTask;
    }
}
