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

    /// <summary>Why messages would stay in a consumer that somebody edited, or made by hand; null if none would.</summary>
    /// <param name="found">The consumer.</param>
    /// <param name="wanted">What it was to be like.</param>
    public static string? Hindrance(ConsumerConfig found, ConsumerConfig wanted) => found switch
    {
        { MaxDeliver: > 0 } when wanted.MaxDeliver < 0 => $"max_deliver is {found.MaxDeliver}: what was delivered so often would stay",
        { MaxAckPending: > 0 } when wanted.MaxAckPending < 0 => $"max_ack_pending is {found.MaxAckPending}: so many that wait to be sent again would keep all others back",
        { Backoff.Count: > 0 } => "backoff is set: leases would end before they are renewed",
        _ when IsOfOthers(found, wanted) => $"its filter is not {wanted.FilterSubject}: other messages would stay",
        _ => null,
    };

    /// <summary>Whether it has passed messages by, which it does not deliver whatever it is told now.</summary>
    public static bool HasPassedBy(ConsumerConfig found, ConsumerConfig wanted) => found.MaxDeliver > 0 || IsOfOthers(found, wanted);

    /// <summary>The consumer without any <see cref="Hindrance"/>, and else as it is.</summary>
    public static ConsumerConfig Free(ConsumerConfig found, ConsumerConfig wanted) => found with
    {
        MaxDeliver = wanted.MaxDeliver,
        MaxAckPending = wanted.MaxAckPending,
        Backoff = null,
        AckWait = wanted.AckWait,
        FilterSubject = wanted.FilterSubject,
        FilterSubjects = null,
    };

    private static bool IsOfOthers(ConsumerConfig found, ConsumerConfig wanted) => found.FilterSubject != wanted.FilterSubject || found.FilterSubjects is { Count: > 0 };

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
