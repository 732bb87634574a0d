using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Nats;

/// <summary>What consumers of ours are made like: deliveries without end and without ceiling, each to be acked.</summary>
internal static class ConsumerShape
{
    /// <summary>
    /// The longest filter. It is part of the subject by which a consumer is made, and over one that is longer than a line may be (4 KiB unless set) a server ends
    /// the connection.
    /// </summary>
    public const int MaxFilter = 3000;

    /// <summary>One that all replicas share in a stream.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="filter">Which subjects it delivers, with the broker's wildcards.</param>
    /// <param name="ackWait">The lease of what it delivers.</param>
    public static ConsumerConfig Shared(string name, string filter, TimeSpan ackWait) => Of(new(name), filter, ackWait);

    /// <summary>One that is gone by itself.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="filter">Which subjects it delivers, with the broker's wildcards.</param>
    /// <param name="ackWait">The lease of what it delivers.</param>
    /// <param name="inactiveThreshold">After which time without use.</param>
    public static ConsumerConfig Lapsing(string name, string filter, TimeSpan ackWait, TimeSpan inactiveThreshold) =>
        Of(new() { Name = name, InactiveThreshold = inactiveThreshold }, filter, ackWait);

    private static ConsumerConfig Of(ConsumerConfig config, string filter, TimeSpan ackWait)
    {
        config.FilterSubject = filter;
        config.AckPolicy = ConsumerConfigAckPolicy.Explicit;
        config.AckWait = ackWait;
        config.MaxDeliver = -1;
        config.MaxAckPending = -1;
        return config;
    }
}
